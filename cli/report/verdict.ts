/** The answer: who keeps the promise, at which cost, in one sentence and one table. */
import type { CostResult, Evaluation, ProposalResult, Verdict } from "../../experiments/results.js";
import { bytes, signedPercent } from "../numbers.js";
import { html, setNumber, type Html } from "./html.js";
import { scrolled } from "./table.js";

/** What a verdict is called, and the mark that tells it without colour. */
export const VERDICTS: Record<Verdict, { readonly mark: string; readonly label: string }> = {
  keeps: { mark: "\u2713", label: "keeps" },
  "guest-mode-only": { mark: "\u25d0", label: "guest mode only" },
  breaks: { mark: "\u2717", label: "breaks" },
};

export function verdictMark(verdict: Verdict): Html {
  const { mark, label } = VERDICTS[verdict];
  return html`<span class="verdict ${verdict}"><span aria-hidden="true">${mark}</span> ${label}</span>`;
}

export function answer(evaluation: Evaluation): Html {
  const proposals = evaluation.proposals.filter(({ kind }) => kind === "proposal");
  const keepers = proposals.filter(({ verdict }) => verdict === "keeps");
  const half = proposals.filter(({ verdict }) => verdict === "guest-mode-only");
  const kept =
    keepers.length === 0
      ? html`None of the ${proposals.length} proposals keeps the promise.`
      : html`${keepers.length} of ${proposals.length} proposals ${keepers.length === 1 ? "keeps" : "keep"} the
        promise:
        ${listOf(
          keepers.map((proposal) => html`<b>${proposal.name}</b>${costInWords(proposal, evaluation)}`),
        )}.`;
  const halfKept =
    half.length > 0 &&
    html` ${listOf(half.map(({ name }) => html`<b>${name}</b>`))} ${half.length === 1 ? "keeps" : "keep"} it
    only while the guest runs, not while Xen does.`;
  return html`<p class="answer">${kept}${halfKept}</p>`;
}

function costInWords({ name, cost }: ProposalResult, { baseline }: Evaluation): Html | false {
  if (name === baseline || cost.length === 0) return false;
  const [least, most] = extremes(cost);
  const open = cost.some(({ versus }) => versus.cycles.low < 0 && versus.cycles.high > 0);
  return html` (${range(least!, most!)} cycles against
  ${baseline}${open && ", the sign open on some recordings"})`;
}

/** The recordings where a proposal does best and worst, by its likely cost in percent. */
function extremes(cost: readonly CostResult[]): [CostResult | undefined, CostResult | undefined] {
  const sorted = [...cost].sort((a, b) => a.versus.percent.likely - b.versus.percent.likely);
  return [sorted[0], sorted.at(-1)];
}

function range(least: CostResult, most: CostResult): string {
  return percent(least) === percent(most) ? percent(least) : `${percent(least)} to ${percent(most)}`;
}

function percent({ versus }: CostResult): string {
  return setNumber(signedPercent(versus.percent.likely));
}

function listOf(parts: readonly Html[]): Html {
  return html`${parts.map((part, i) => html`${i > 0 && (i === parts.length - 1 ? " and " : ", ")}${part}`)}`;
}

export function verdictTable(evaluation: Evaluation): Html {
  return scrolled(
    "Verdicts",
    html`<table class="sortable stacked">
      <caption>
        The promise: no two pCPUs have the same L4 in %cr3. Cost: likely cycles against
        ${evaluation.baseline}, least and most over the recordings.
      </caption>
      <thead>
        <tr>
          <th scope="col">Proposal</th>
          <th scope="col">Promise</th>
          <th scope="col">Why</th>
          <th scope="col" class="num">Cost</th>
          <th scope="col" class="num">Top-level tables, most</th>
        </tr>
      </thead>
      <tbody>
        ${evaluation.proposals.map((proposal) => verdictRow(proposal, evaluation))}
      </tbody>
    </table>`,
  );
}

function verdictRow(proposal: ProposalResult, { baseline }: Evaluation): Html {
  const [least, most] = extremes(proposal.cost);
  const costRange =
    proposal.name === baseline ? "baseline" : least === undefined ? "no recording" : range(least, most!);
  const violated = proposal.properties.find(({ holds, first }) => !holds && first !== undefined);
  const memory = Math.max(...proposal.memoryBytes.map(({ guest, xen }) => guest + xen), 0);
  return html`<tr>
    <th scope="row">
      <span class="id">${proposal.name}</span
      ><span class="about">${proposal.kind === "control" && html`<b>Control.</b> `}${proposal.title}</span>
    </th>
    <td>${verdictMark(proposal.verdict)}</td>
    <td class="prose">
      ${proposal.reason}${violated !== undefined && html` <a href="#violations">First violation</a>`}
    </td>
    <td class="num" data-label="Cost: ">${costRange}</td>
    <td class="num" data-label="Top-level tables, most: ">${setNumber(bytes(memory))}</td>
  </tr> `;
}

/** What becomes of a guest that does not know the new rules. */
export function compatTable({ proposals }: Evaluation): Html {
  const image = proposals.find(({ compat }) => compat.kernel !== undefined)?.compat.kernel?.image;
  return scrolled(
    "Old guests",
    html`<table>
      <caption>
        Who has to know what.
      </caption>
      <thead>
        <tr>
          <th scope="col">Proposal</th>
          <th scope="col">Feature flag</th>
          <th scope="col">A guest without it</th>
          ${image !== undefined && html`<th scope="col">${image}</th>`}
        </tr>
      </thead>
      <tbody>
        ${proposals.map(
          ({ name, compat }) =>
            html`<tr>
              <th scope="row"><span class="id">${name}</span></th>
              <td>${compat.feature === null ? "none" : html`<code>${compat.feature}</code>`}</td>
              <td class="prose">${compat.oldGuest}</td>
              ${
                image !== undefined &&
                html`<td class="prose">
                  ${
                    compat.kernel === undefined
                      ? "nothing to negotiate"
                      : html`${compat.kernel.negotiates ? "negotiates it" : "does not negotiate it"}:
                        ${compat.kernel.reason}`
                  }
                </td>`
              }
            </tr> `,
        )}
      </tbody>
    </table>`,
  );
}
