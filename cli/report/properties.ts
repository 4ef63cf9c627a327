/** What was looked at in every state: properties by proposal, and where each was false first. */
import type { Evaluation, PropertyResult } from "../../experiments/results.js";
import { exact, si } from "../numbers.js";
import { html, setNumber, type Html } from "./html.js";
import { scrolled } from "./table.js";

export function propertyTable({ proposals }: Evaluation): Html {
  const all = new Map(proposals.flatMap(({ properties }) => properties.map((p) => [p.name, p] as const)));
  return scrolled(
    "Properties by proposal",
    html`<table class="cells">
      <caption>
        Properties, and how often each was looked at. "Sometimes" shows that the situation did arise.
      </caption>
      <thead>
        <tr>
          <th scope="col">Property</th>
          ${proposals.map(({ name }) => html`<th scope="col" class="num"><span class="id">${name}</span></th>`)}
        </tr>
      </thead>
      <tbody>
        ${[...all.values()].map(
          ({ name, kind, statement }) =>
            html`<tr>
              <th scope="row">
                <span class="kind">${kind}</span> ${statement}<span class="about"><code>${name}</code></span>
              </th>
              ${proposals.map(({ properties }) => propertyCell(properties.find((p) => p.name === name)))}
            </tr> `,
        )}
      </tbody>
    </table>`,
  );
}

function propertyCell(result: PropertyResult | undefined): Html {
  if (result === undefined) return html`<td class="num">not looked at</td>`;
  const { kind, holds, checked, violations } = result;
  const said =
    kind === "always"
      ? holds
        ? "holds"
        : `false ${exact(violations)} times`
      : holds
        ? "did arise"
        : "never arose";
  return html`<td class="num">
    <span class="verdict ${holds ? "keeps" : "breaks"}"
      ><span aria-hidden="true">${holds ? "\u2713" : "\u2717"}</span> ${said}</span
    ><br /><small>${setNumber(si(checked))} looked at</small>
  </td>`;
}

export function violationTable({ proposals }: Evaluation): Html {
  const violations = proposals.flatMap(({ name, properties }) =>
    properties
      .filter(({ first }) => first !== undefined)
      .map((property) => ({ name, property, first: property.first! })),
  );
  if (violations.length === 0) return html`<p>No property was violated.</p>`;
  return scrolled(
    "First violations",
    html`<table>
      <caption>
        Where a property was false first. The event's number is that of the recording.
      </caption>
      <thead>
        <tr>
          <th scope="col">Proposal</th>
          <th scope="col">Property</th>
          <th scope="col">Recording</th>
          <th scope="col" class="num">Event</th>
          <th scope="col">What was seen</th>
        </tr>
      </thead>
      <tbody>
        ${violations.map(
          ({ name, property, first }) =>
            html`<tr>
              <th scope="row"><span class="id">${name}</span></th>
              <td class="prose">${property.statement}</td>
              <td>${first.workload}</td>
              <td class="num">${exact(first.event)}</td>
              <td class="prose">
                ${first.what}${property.ways.map(({ what, count }) => html`<br /><small>${exact(count)} times: ${what}</small>`)}
              </td>
            </tr> `,
        )}
      </tbody>
    </table>`,
  );
}
