/** The difference in cycles against the baseline: a bar to the likely value, and a line from low to high. */
import type { Evaluation } from "../../experiments/results.js";
import { signedPercent, signedRange, signedSi, signOf } from "../numbers.js";
import { html, type Html } from "./html.js";
import { coordinate, drawPlot, type PlotRow } from "./plot.js";
import { scaleFor } from "./scale.js";

/** Half the height of a bar, of a line's ends, and of the mark of the likely value. */
const BAR = 4;
const END = 3.5;
const DOT = 4;

/** The plot for workload number `w`; the baseline, zero by definition, has no row. */
export function intervalPlot(evaluation: Evaluation, w: number): Html {
  const { baseline, workloads } = evaluation;
  const others = evaluation.proposals.filter(({ name }) => name !== baseline);
  const costs = others.map(({ name, cost }) => ({ name, ...cost[w]!.versus }));
  const values = costs.flatMap(({ cycles }) => [cycles.low, cycles.likely, cycles.high]);
  const scale = scaleFor(
    values,
    costs.map(({ cycles }) => cycles.likely),
  );
  const workload = workloads[w]!.name;
  const rows = costs.map(({ name, cycles, percent }): PlotRow => ({
    name,
    value: `${signedSi(cycles.likely)} (${signedPercent(percent.likely)})`,
    tip: `${name}: likely ${signedSi(cycles.likely)} cycles, ${signedRange(cycles)}${
      signOf(cycles) === "either" ? "; the brackets leave open whether it is more or less" : ""
    }`,
    mark: (x, y) => {
      const [zero, low, likely, high] = [0, cycles.low, cycles.likely, cycles.high].map((value) =>
        coordinate(x(value)),
      );
      const start = Math.min(Number(zero), Number(likely));
      const width = coordinate(Math.abs(Number(likely) - Number(zero)));
      // The length of a bar says nothing where the axis is not even.
      const stem =
        scale.kind === "linear"
          ? html`<rect class="bar" x="${start}" y="${y - BAR}" width="${width}" height="${2 * BAR}" />`
          : html`<line class="stem" x1="${zero}" x2="${likely}" y1="${y}" y2="${y}" />`;
      return html`${stem}
        <path
          class="whisker"
          d="M${low} ${y}H${high}M${low} ${y - END}v${2 * END}M${high} ${y - END}v${2 * END}"
        />
        <circle
          class="${signOf(cycles) === "either" ? "dot open" : "dot"}"
          cx="${likely}"
          cy="${y}"
          r="${DOT}"
        />`;
    },
  }));
  return drawPlot({
    id: `interval-${w + 1}`,
    title: `Cycles against ${baseline}, ${workload}`,
    description: rows.map(({ tip }) => tip).join(". "),
    rows,
    scale,
    tick: signedSi,
    axis: `cycles more than ${baseline}${scale.kind === "logarithmic" ? " (logarithmic axis)" : ""}`,
  });
}
