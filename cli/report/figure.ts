/** A figure: the picture, and under it what it was drawn from, as a table, and the command that makes it again. */
import type { Evaluation } from "../../experiments/results.js";
import { html, setNumber, type Html } from "./html.js";
import { scrolled } from "./table.js";

export interface FigureData {
  readonly caption: string;
  readonly picture: Html;
  /** Of the table: its first column names the row, the others are numbers, or words. */
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly command: string;
}

export function figure({ caption, picture, head, rows, command }: FigureData): Html {
  return html`<figure>
    <figcaption>${caption}</figcaption>
    ${picture}
    <details class="data">
      <summary>Data and command</summary>
      <pre>${command}</pre>
      ${scrolled(
        `Data of: ${caption}`,
        html`<table class="sortable">
          <caption>
            ${caption}
          </caption>
          <thead>
            <tr>
              ${head.map((name, i) => html`<th scope="col" class="${i > 0 && "num"}">${name}</th>`)}
            </tr>
          </thead>
          <tbody>
            ${rows.map(
              ([name, ...cells]) =>
                html`<tr>
                  <th scope="row">${name}</th>
                  ${cells.map((cell) => html`<td class="num">${setNumber(cell)}</td>`)}
                </tr> `,
            )}
          </tbody>
        </table>`,
      )}
    </details>
  </figure> `;
}

/** The evaluation of one recording, or of all, as a command. */
export function evaluateCommand({ inputs, proposals, profile, seed }: Evaluation, w?: number): string {
  const files = inputs.workloads.filter((_, i) => w === undefined || i === w).map(({ file }) => file);
  const words = ["pvtwin evaluate", ...proposals.map(({ name }) => name)];
  if (files.length > 0) words.push("--workload", ...files);
  return [...words, `--profile ${profile.name}`, `--seed ${seed}`, "--out out"].join(" ");
}
