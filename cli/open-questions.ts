/** The comparisons that the prices leave open, as lines below the table and as a table of the report. */
import type { Evaluation } from "../experiments/results.js";
import { type OpenQuestion, openQuestions } from "../experiments/open-questions.js";
import { html, type Html } from "./report/html.js";
import { scrolled } from "./report/table.js";
import { exact, si } from "./numbers.js";
import { wrap } from "./wrap.js";

/** Lines for the terminal; none where everything is decided. */
export function openQuestionLines(evaluation: Evaluation, width: number): string {
  const open = openQuestions(evaluation);
  if (open.length === 0) return "";
  const rows = open.map((question) => {
    const { workload, cheaper, than } = question;
    return [workload, percentOf(question), `${cheaper} below ${than}; ${hangsOn(question)}`];
  });
  const widths = [0, 1].map((i) => Math.max(...rows.map((row) => row[i]!.length)));
  const indent = widths[0]! + widths[1]! + 4;
  const lines = rows.map(([workload, share, what]) => {
    const text = wrap(what!, Math.max(30, width - indent)).join(`\n${" ".repeat(indent)}`);
    return `${workload!.padEnd(widths[0]!)}  ${share!.padStart(widths[1]!)}  ${text}\n`;
  });
  const title = `Who is cheaper in most of ${exact(evaluation.draws)} draws of the prices, where not in all (seed ${evaluation.seed}):`;
  return `\n${wrap(title, width).join("\n")}\n${lines.join("")}`;
}

export function openQuestionTable(evaluation: Evaluation): Html {
  const open = openQuestions(evaluation);
  const { draws, seed } = evaluation;
  if (open.length === 0)
    return html`<p>
      Each of two proposals is cheaper than the other in all ${exact(draws)} draws of the prices.
    </p>`;
  return scrolled(
    "Comparisons left open",
    html`<table>
      <caption>
        Who is cheaper in most of ${exact(draws)} draws of the prices (seed ${seed}), where not in all, and
        the price that it hangs on most.
      </caption>
      <thead>
        <tr>
          <th scope="col">Recording</th>
          <th scope="col">Cheaper</th>
          <th scope="col">than</th>
          <th scope="col" class="num">of the draws</th>
          <th scope="col">It hangs on</th>
        </tr>
      </thead>
      <tbody>
        ${open.map(
          (question) =>
            html`<tr>
              <th scope="row"><span class="id">${question.workload}</span></th>
              <td><span class="id">${question.cheaper}</span></td>
              <td><span class="id">${question.than}</span></td>
              <td class="num">${percentOf(question)}</td>
              <td>${hangsOn(question)}</td>
            </tr> `,
        )}
      </tbody>
    </table>`,
  );
}

/** Never "100 %", as that would say that it is decided. */
function percentOf({ share }: OpenQuestion): string {
  const percent = Math.round(100 * share);
  return percent === 100 ? "> 99 %" : `${percent} %`;
}

function hangsOn({ driver }: OpenQuestion): string {
  if (driver === undefined) return "no price";
  const { constant, turnsAt, within } = driver;
  if (within && turnsAt !== null) return `turns where ${constant} is ${si(turnsAt)}`;
  return `most on ${constant}, but no price alone turns it`;
}
