/** Cost: the figures of each recording, and the table of all cells; each leads to its ledger. */
import type { CostResult, Evaluation, ProposalResult } from "../../experiments/results.js";
import { bytes, exact, signedPercent, signedRange, signedSi, si, signOf } from "../numbers.js";
import { causeFigure, causeLegend } from "./cause-plot.js";
import { compositionPlot, groupClass, groupNames } from "./composition-plot.js";
import { evaluateCommand, figure } from "./figure.js";
import { html, setNumber, slug, type Html } from "./html.js";
import { intervalPlot } from "./interval-plot.js";
import { memoryPlot } from "./memory-plot.js";
import { crossoverFigure } from "./price-map-plot.js";
import { scrolled } from "./table.js";
import { vcpuFigure } from "./vcpu-plot.js";

/** Where the ledger of a cell is on the page. */
export function ledgerId(evaluation: Evaluation, proposal: ProposalResult, w: number): string {
  return `ledger-${slug(proposal.name)}-${w + 1}-${slug(evaluation.workloads[w]!.name)}`;
}

export function figures(evaluation: Evaluation): Html {
  const groups = groupNames(evaluation);
  return html`<ul class="legend" aria-label="Colours of the groups of events">
      <li>What it is made of:</li>
      ${groups.map(
        (group) =>
          html`<li>
            <svg class="swatch" viewBox="0 0 12 12" aria-hidden="true">
              <rect class="${groupClass(groups, group)}" width="12" height="12" />
            </svg>
            ${group}
          </li> `,
      )}
    </ul>
    <ul class="legend" aria-label="Colours of memory">
      <li>Memory:</li>
      <li>
        <svg class="swatch" viewBox="0 0 12 12" aria-hidden="true">
          <rect class="memory-guest" width="12" height="12" />
        </svg>
        guest
      </li>
      <li>
        <svg class="swatch" viewBox="0 0 12 12" aria-hidden="true">
          <rect class="memory-xen" width="12" height="12" />
        </svg>
        Xen
      </li>
    </ul>
    ${evaluation.workloads.length > 0 && causeLegend(evaluation)}
    ${evaluation.workloads.map((workload, w) => {
      const base = evaluation.proposals.find(({ name }) => name === evaluation.baseline)?.cost[w];
      return html`<section class="recording" aria-labelledby="recording-${w + 1}">
        <h3 id="recording-${w + 1}">${workload.name}</h3>
        <p class="facts">
          ${exact(workload.events)} events in ${workload.seconds.toFixed(1)} s on ${workload.cpus}
          ${
            workload.cpus === 1 ? "CPU" : "CPUs"
          }${base !== undefined && html`; ${evaluation.baseline}: ${setNumber(si(base.cycles.likely))} cycles likely`}${
            workload.lowerBound && html`. <b>A lower bound for XPTI:</b> the recording has no system calls`
          }.
        </p>
        <div class="figures">
          ${differenceFigure(evaluation, w)} ${compositionFigure(evaluation, w)}
          ${memoryFigure(evaluation, w)} ${causeFigure(evaluation, w)} ${crossoverFigure(evaluation, w)}
          ${vcpuFigure(evaluation, w)}
        </div>
      </section> `;
    })}`;
}

function differenceFigure(evaluation: Evaluation, w: number): Html {
  return figure({
    caption: "Difference",
    picture: intervalPlot(evaluation, w),
    head: ["proposal", "likely", "low", "high", "5th percentile", "95th percentile", "cheaper in draws"],
    rows: evaluation.proposals.map(({ name, cost }) => {
      const { cycles, interval, probabilityCheaper } = cost[w]!.versus;
      const numbers = [cycles.likely, cycles.low, cycles.high, interval.p5, interval.p95].map(signedSi);
      return [name, ...numbers, `${Math.round(100 * probabilityCheaper)} %`];
    }),
    command: evaluateCommand(evaluation, w),
  });
}

function compositionFigure(evaluation: Evaluation, w: number): Html {
  const groups = groupNames(evaluation);
  return figure({
    caption: "What it is made of",
    picture: compositionPlot(evaluation, w),
    head: ["proposal", ...groups],
    rows: evaluation.proposals.map(({ name, cost }) => [
      name,
      ...groups.map((wanted) =>
        signedSi(cost[w]!.groups.find(({ group }) => group === wanted)?.versusCycles ?? 0),
      ),
    ]),
    command: evaluateCommand(evaluation, w),
  });
}

function memoryFigure(evaluation: Evaluation, w: number): Html {
  return figure({
    caption: "Memory of top-level tables",
    picture: memoryPlot(evaluation, w),
    head: ["proposal", "guest", "Xen"],
    rows: evaluation.proposals.map(({ name, memoryBytes }) => [
      name,
      bytes(memoryBytes[w]!.guest),
      bytes(memoryBytes[w]!.xen),
    ]),
    command: evaluateCommand(evaluation, w),
  });
}

export function costTable(evaluation: Evaluation): Html {
  return scrolled(
    "Cost by proposal and recording",
    html`<table class="cells sortable">
      <caption>
        Cycles against ${evaluation.baseline}: likely, in percent, and from low to high. Each cell leads to
        its ledger.
      </caption>
      <thead>
        <tr>
          <th scope="col">Proposal</th>
          ${evaluation.workloads.map(
            ({ name, lowerBound }) =>
              html`<th scope="col" class="num">${lowerBound && "\u2265 "}${name}</th>`,
          )}
        </tr>
      </thead>
      <tbody>
        ${evaluation.proposals.map(
          (proposal) =>
            html`<tr>
              <th scope="row"><span class="id">${proposal.name}</span></th>
              ${proposal.cost.map((cost, w) =>
                costCell(
                  cost,
                  `#${ledgerId(evaluation, proposal, w)}`,
                  proposal.name === evaluation.baseline,
                ),
              )}
            </tr> `,
        )}
      </tbody>
    </table>`,
  );
}

function costCell({ cycles, versus }: CostResult, link: string, isBaseline: boolean): Html {
  if (isBaseline)
    return html`<td class="num">
      <a href="${link}">${setNumber(si(cycles.likely))}</a><br /><small>in all</small>
    </td>`;
  const open = signOf(versus.cycles) === "either" && html`<br /><small>sign open</small>`;
  return html`<td class="num">
    <a href="${link}">${setNumber(signedSi(versus.cycles.likely))}</a> ${setNumber(
      signedPercent(versus.percent.likely),
    )}<br /><small>${setNumber(signedRange(versus.cycles))}</small>${open}
  </td>`;
}
