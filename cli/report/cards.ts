/** A card for each proposal: promise kept, cost, secrets, boots, patches. */
import type { CostResult, Evaluation, PatchTotals, ProposalResult } from "../../experiments/results.js";
import { bytes, exact, signedPercent, si } from "../numbers.js";
import { html, setNumber, slug, type Html } from "./html.js";
import { verdictMark } from "./verdict.js";

export function cards(evaluation: Evaluation): Html {
  return html`<div class="cards">
    ${evaluation.proposals.map((proposal) => card(proposal, evaluation))}
  </div> `;
}

function card(proposal: ProposalResult, { baseline }: Evaluation): Html {
  const { name, title, kind, verdict, cost, secrets, compat, patches } = proposal;
  const isBaseline = name === baseline;
  return html`<article class="card" aria-labelledby="card-${slug(name)}">
    <h3 id="card-${slug(name)}"><span class="id">${name}</span></h3>
    <p class="about">${kind === "control" && html`<b>Control.</b> `}${title}</p>
    <dl>
      <dt>Promise</dt>
      <dd>${verdictMark(verdict)}</dd>
      <dt>${isBaseline ? "Cost, in all" : `Cost against ${baseline}`}</dt>
      <dd>
        ${cost.length === 0 && "no recording"}
        ${cost.map((one) => html`<div class="row">${one.workload}: ${costOf(one, isBaseline)}</div> `)}
      </dd>
      <dt>Secrets in reach</dt>
      <dd>
        ${
          secrets === null
            ? "no layout is known for its roots"
            : html`in Xen ${setNumber(bytes(secrets.inXen.secretBytes))}; from its guest, with Meltdown,
              ${setNumber(bytes(secrets.inGuest.secretBytes))}`
        }
      </dd>
      <dt>Boots</dt>
      <dd>
        a guest that does not know it
        ${compat.oldGuest}${
          compat.kernel !== undefined &&
          html`;
            <b>${compat.kernel.image}</b>
            ${compat.kernel.negotiates ? "negotiates it" : "does not negotiate it"}`
        }
      </dd>
      <dt>Patches</dt>
      <dd>
        ${
          patches === null
            ? html`not made: name trees with <code>--linux</code> and <code>--xen</code>`
            : patches.map((totals) => html`<div class="row">${patchesOf(totals)}</div> `)
        }
      </dd>
    </dl>
  </article> `;
}

function costOf({ cycles, versus }: CostResult, isBaseline: boolean): string {
  if (isBaseline) return setNumber(`${si(cycles.likely)} [${si(cycles.low)} .. ${si(cycles.high)}]`);
  const { low, likely, high } = versus.percent;
  const bare = (n: number) => signedPercent(n).replace(" %", "");
  return setNumber(`${signedPercent(likely)} [${bare(low)} .. ${bare(high)}]`);
}

function patchesOf({ base, patches, files, insertions, deletions }: PatchTotals): string {
  return `${base}: ${patches} ${patches === 1 ? "patch" : "patches"}, ${files} files, +${exact(insertions)} \u2212${exact(deletions)}`;
}
