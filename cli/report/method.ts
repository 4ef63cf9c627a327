/** Where the numbers come from and where they stop: recordings, profile, seed, and what is not modelled. */
import type { Evaluation } from "../../experiments/results.js";
import { exact, si } from "../numbers.js";
import { evaluateCommand } from "./figure.js";
import { html, setNumber, type Html } from "./html.js";
import { scrolled } from "./table.js";

export function workloadTable({ workloads }: Evaluation): Html {
  return scrolled(
    "Recordings",
    html`<table>
      <caption>
        Recordings, and what their import and the run had to assume.
      </caption>
      <thead>
        <tr>
          <th scope="col">Recording</th>
          <th scope="col" class="num">Seconds</th>
          <th scope="col" class="num">CPUs</th>
          <th scope="col" class="num">Events</th>
          <th scope="col" class="num">System calls</th>
          <th scope="col" class="num">Faults</th>
          <th scope="col" class="num">Switches</th>
          <th scope="col">Assumptions</th>
        </tr>
      </thead>
      <tbody>
        ${workloads.map(
          (w) =>
            html`<tr>
              <th scope="row"><span class="id">${w.name}</span><span class="about">${w.file}</span></th>
              <td class="num">${w.seconds.toFixed(1)}</td>
              ${[w.cpus, w.events, w.syscalls, w.faults, w.switches].map(
                (n) => html`<td class="num">${exact(n)}</td>`,
              )}
              <td class="prose">
                ${
                  w.lowerBound && html`<b>No raw_syscalls:sys_enter: XPTI's cost is a lower bound.</b> `
                }${w.notes.map(({ what, count }, i) => html`${i > 0 && "; "}${what} (${exact(count)})`)}${
                  !w.lowerBound && w.notes.length === 0 && "none"
                }
              </td>
            </tr> `,
        )}
      </tbody>
    </table>`,
  );
}

export function method(evaluation: Evaluation): Html {
  const { profile, proposals } = evaluation;
  const limited = proposals.filter(({ limits }) => limits.length > 0);
  return html`<p>
      Both sides of the ABI were run on the recordings' events and counted; the counts were then priced. A
      difference has each constant at one value on both sides, so that its low and high are those of the
      constants and not of their chance agreement. Profile <code>${profile.name}</code>: ${profile.title}.
      ${profile.conditions}
    </p>
    <p>Not in the numbers:</p>
    <ul>
      ${evaluation.notModelled.map((text) => html`<li>${text}</li>`)}
    </ul>
    ${
      limited.length > 0 &&
      html`<p>What a guest cannot have:</p>
        <ul>
          ${limited.flatMap(({ name, limits }) => limits.map((text) => html`<li>${name}: ${text}</li>`))}
        </ul>`
    }
    <p>To get these results again:</p>
    <pre>${evaluateCommand(evaluation)}</pre>`;
}

export function hostFacts({ host, pvtwin, seed, format }: Evaluation): Html {
  const slowest = host.speed
    .flatMap(({ workload, simulation }) => simulation.map((s) => ({ workload, ...s })))
    .reduce<{ workload: string; proposal: string; eventsPerSecond: number } | undefined>(
      (least, s) => (least === undefined || s.eventsPerSecond < least.eventsPerSecond ? s : least),
      undefined,
    );
  return html`<p>
    pvtwin ${pvtwin}, results of format ${format}, seed ${seed}. Made on ${host.date} in
    ${host.seconds.toFixed(1)} s with ${host.workers} ${host.workers === 1 ? "worker" : "workers"}, Node
    ${host.node},
    ${host.cpu}.${
      slowest !== undefined &&
      html` Slowest simulation: ${slowest.proposal} on ${slowest.workload},
      ${setNumber(si(slowest.eventsPerSecond))} events a second.`
    }
    Nothing but this paragraph depends on the machine that ran it.
  </p>`;
}
