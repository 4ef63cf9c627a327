/** The cost of each proposal on a recording, in all, by what the guest was asked to do: stacked bars. */
import { cyclesByCause } from "../../experiments/costs/by-cause.js";
import type { Evaluation } from "../../experiments/results.js";
import { si } from "../numbers.js";
import { evaluateCommand, figure } from "./figure.js";
import { html, type Html } from "./html.js";
import { coordinate, drawPlot, type PlotRow } from "./plot.js";
import { linear } from "./scale.js";

const HALF = 7;
/** Colours: this many causes have their own, and what is left shares one more. */
const OWN = 7;
const REST = "other causes";

/** The causes that are told apart, dearest over all cells first, and the rest. */
export function causeNames(evaluation: Evaluation): string[] {
  const sums = new Map<string, number>();
  for (const { cost } of evaluation.proposals)
    for (const { ledger } of cost)
      for (const { cause, cycles } of cyclesByCause(ledger)) sums.set(cause, (sums.get(cause) ?? 0) + cycles);
  const names = [...sums].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)).map(([name]) => name);
  return names.length <= OWN + 1 ? names : [...names.slice(0, OWN), REST];
}

export function causeLegend(evaluation: Evaluation): Html {
  return html`<ul class="legend" aria-label="Colours of causes">
    <li>Cost by cause:</li>
    ${causeNames(evaluation).map(
      (name, i) =>
        html`<li>
          <svg class="swatch" viewBox="0 0 12 12" aria-hidden="true">
            <rect class="part part-${i}" width="12" height="12" />
          </svg>
          ${name}
        </li> `,
    )}
  </ul>`;
}

export function causeFigure(evaluation: Evaluation, w: number): Html {
  const names = causeNames(evaluation);
  const workload = evaluation.workloads[w]!.name;
  const bars = evaluation.proposals.map(({ name, cost }) => {
    const parts = names.map(() => 0);
    for (const { cause, cycles } of cyclesByCause(cost[w]!.ledger)) {
      const i = names.indexOf(cause);
      parts[i < 0 ? names.length - 1 : i]! += cycles;
    }
    return { name, parts, sum: parts.reduce((sum, n) => sum + n, 0) };
  });
  const scale = linear(0, Math.max(...bars.map(({ sum }) => sum), 1));
  const rows = bars.map(({ name, parts, sum }): PlotRow => {
    const said = names.flatMap((cause, i) => (parts[i]! > 0 ? [`${cause} ${si(parts[i]!)}`] : []));
    return {
      name,
      value: si(sum),
      tip: `${name}: ${said.length === 0 ? "nothing" : said.join(", ")}`,
      mark: (x, y) => {
        let from = 0;
        return html`${parts.map((cycles, i) => {
          const start = from;
          from += cycles;
          return (
            cycles > 0 &&
            html`<rect
              class="part part-${i}"
              x="${coordinate(x(start))}"
              y="${y - HALF}"
              width="${coordinate(x(from) - x(start))}"
              height="${2 * HALF}"
              ><title>${name}: ${names[i]} ${si(cycles)}</title></rect
            >`
          );
        })}`;
      },
    };
  });
  return figure({
    caption: `Cost by cause, ${workload}`,
    picture: drawPlot({
      id: `causes-${w + 1}`,
      title: `Likely cycles by cause, ${workload}`,
      description: rows.map(({ tip }) => tip).join(". "),
      rows,
      scale,
      tick: si,
      axis: "likely cycles, in all",
    }),
    head: ["proposal", ...names, "in all"],
    rows: bars.map(({ name, parts, sum }) => [name, ...parts.map(si), si(sum)]),
    command: evaluateCommand(evaluation, w),
  });
}
