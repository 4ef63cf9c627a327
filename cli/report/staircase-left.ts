/** What a staircase ends with: each class that is left in reach, and why. */
import type { Staircase } from "../../experiments/secrets/staircase.js";
import { html, type Html } from "./html.js";

export function leftInReach({ proposal, left, leftBecause, steps }: Staircase): Html {
  const not = steps.filter(({ impossible }) => impossible !== undefined);
  const missing = html`<p>
    Not possible by ${proposal}, as ${not[0]?.impossible ?? ""}: ${not.map(({ name }) => name).join("; ")}.
  </p>`;
  if (left.length === 0)
    return html`${not.length > 0 && missing}
      <p>After the last step of ${proposal} nothing is left in reach.</p>`;
  return html`${not.length > 0 && missing}
    <p>After the last step of ${proposal} is left in reach:</p>
    <ul>
      ${left.map((name) => html`<li><span class="id">${name}</span>: ${leftBecause[name] ?? ""}</li>`)}
    </ul>`;
}
