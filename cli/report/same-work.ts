/** Is it the same work in Linux and in Xen? The options side by side, one table a recording, and the answer in words. */
import type { Evaluation, SameWorkAnswer } from "../../experiments/results.js";
import { SAME_WORK_COLUMNS } from "../same-work.js";
import { html, setNumber, type Html } from "./html.js";
import { scrolled } from "./table.js";

/** Nothing where only one of the sides was evaluated. */
export function sameWorkSection({ sameWork, baseline }: Evaluation): Html | false {
  if (sameWork === undefined) return false;
  return html`<section aria-labelledby="same-work">
    <h2 id="same-work">Is it the same work?</h2>
    <p>
      "${sameWork.claim}" (xen-devel, 2018). <b>${sameWork.answer}</b> What each proposal does to keep
      top-level tables alike, beyond ${baseline}, which does none of it:
    </p>
    ${sameWork.workloads.map(side)}
  </section>`;
}

function side({ workload, rows, answer }: SameWorkAnswer): Html {
  return html`${scrolled(
      `Work on ${workload}`,
      html`<table>
        <caption>
          ${workload}
        </caption>
        <thead>
          <tr>
            <th scope="col">Proposal</th>
            ${SAME_WORK_COLUMNS.map(([head]) => html`<th scope="col" class="num">${head}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${rows.map(
            (row) =>
              html`<tr>
                <th scope="row"><span class="id">${row.proposal}</span></th>
                ${SAME_WORK_COLUMNS.map(([, cell]) => html`<td class="num">${setNumber(cell(row))}</td>`)}
              </tr> `,
          )}
        </tbody>
      </table>`,
    )}
    <p>${answer}</p>`;
}
