/** The ledger of a cell: which events, how many, because of what, at which price, from which source. */
import type { CostResult, Evaluation, LedgerLine, ProposalResult } from "../../experiments/results.js";
import { exact, signedPercent, signedRange, signedSi, si } from "../numbers.js";
import { ledgerId } from "./cost.js";
import { html, setNumber, slug, type Html } from "./html.js";
import { scrolled } from "./table.js";

export function ledgers(evaluation: Evaluation): Html {
  const base = evaluation.proposals.find(({ name }) => name === evaluation.baseline);
  return html`${evaluation.proposals.map(
    (proposal) =>
      html`<h3 id="ledgers-${slug(proposal.name)}"><span class="id">${proposal.name}</span></h3>
        ${proposal.cost.map((cost, w) => ledger(evaluation, proposal, cost, base?.cost[w], w))}`,
  )}`;
}

function ledger(
  evaluation: Evaluation,
  proposal: ProposalResult,
  cost: CostResult,
  base: CostResult | undefined,
  w: number,
): Html {
  const { name } = evaluation.workloads[w]!;
  const { cycles, versus } = cost;
  const against =
    proposal.name !== evaluation.baseline &&
    html`<span class="against"
      >${setNumber(signedSi(versus.cycles.likely))} (${setNumber(signedPercent(versus.percent.likely))})
      ${setNumber(signedRange(versus.cycles))}</span
    >`;
  return html`<details id="${ledgerId(evaluation, proposal, w)}">
    <summary>
      <span class="id">${name}</span>
      <span
        >${setNumber(si(cycles.likely))} cycles [${setNumber(si(cycles.low))} …
        ${setNumber(si(cycles.high))}]</span
      >
      ${against}
    </summary>
    ${groupTable(proposal, cost)}
    ${scrolled(
      `Ledger of ${proposal.name} on ${name}`,
      html`<table class="ledger sortable">
        <caption>
          Priced events of ${proposal.name} on ${name}, dearest first. Cycles: likely, and from low to high.
        </caption>
        <thead>
          <tr>
            <th scope="col">Event</th>
            <th scope="col" class="num">Count</th>
            <th scope="col" class="num">in ${evaluation.baseline}</th>
            <th scope="col" class="num">Cycles each</th>
            <th scope="col" class="num">Cycles</th>
            <th scope="col">Because of</th>
            <th scope="col">Price</th>
          </tr>
        </thead>
        <tbody>
          ${cost.ledger.map((line) => ledgerRow(line, base?.counts[line.event] ?? 0))}
        </tbody>
      </table>`,
    )}
    ${unpriced(cost)}
  </details> `;
}

function ledgerRow(line: LedgerLine, inBase: number): Html {
  const causes = Object.entries(line.byCause).sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
  return html`<tr>
    <th scope="row"><code>${line.event}</code><span class="about">${line.what}</span></th>
    <td class="num">${exact(line.count)}</td>
    <td class="num${line.count === inBase && " same"}">${exact(inBase)}</td>
    <td class="num">${setNumber(si(line.price.likely))}<br /><small>${bracket(line.price)}</small></td>
    <td class="num">${setNumber(si(line.cycles.likely))}<br /><small>${bracket(line.cycles)}</small></td>
    <td class="causes">
      ${causes.map(([cause, count], i) => html`${i > 0 && ", "}${cause}&nbsp;${exact(count)}`)}
    </td>
    <td class="source">${line.priceSource}</td>
  </tr> `;
}

function bracket({ low, high }: { low: number; high: number }): string {
  return setNumber(`[${si(low)} .. ${si(high)}]`);
}

function groupTable({ name }: ProposalResult, { groups, versus }: CostResult): Html {
  const isBaseline = name === versus.baseline;
  return scrolled(
    "Groups of events",
    html`<table class="groups">
      <caption>
        Groups of events, likely cycles.
      </caption>
      <thead>
        <tr>
          <th scope="col">Group</th>
          ${groups.map(({ group }) => html`<th scope="col" class="num">${group}</th>`)}
        </tr>
      </thead>
      <tbody>
        <tr>
          <th scope="row">in all</th>
          ${groups.map(({ cycles }) => html`<td class="num">${setNumber(si(cycles))}</td>`)}
        </tr>
        ${
          !isBaseline &&
          html`<tr>
            <th scope="row">against ${versus.baseline}</th>
            ${groups.map(
              ({ versusCycles }) => html`<td class="num">${setNumber(signedSi(versusCycles))}</td>`,
            )}
          </tr>`
        }
      </tbody>
    </table>`,
  );
}

/** Events that were counted and have no price in the profile: they cost nothing here, and it is said. */
function unpriced({ ledger: lines, counts }: CostResult): Html | false {
  const priced = new Set<string>(lines.map(({ event }) => event));
  const others = Object.entries(counts).filter(([event, count]) => !priced.has(event) && count !== 0);
  if (others.length === 0) return false;
  return html`<p class="unpriced">
    Counted, without a price in the profile:
    ${others.map(([event, count], i) => html`${i > 0 && ", "}<code>${event}</code>&nbsp;${exact(count)}`)}.
  </p>`;
}
