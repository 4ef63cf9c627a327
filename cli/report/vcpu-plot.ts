/** Timelines: how much Xen and the processor work for each vCPU, over the time of a recording. */
import type { Evaluation } from "../../experiments/results.js";
import { si } from "../numbers.js";
import { evaluateCommand, figure } from "./figure.js";
import { html, type Html } from "./html.js";
import { coordinate, drawPlot, type PlotRow } from "./plot.js";
import { linear } from "./scale.js";

const HEIGHT = 15;
/** More vCPUs than this have no room for the number of each, which the table has. */
const NAMED = 2;
/** Shades that are told apart. */
const LEVELS = 6;

export function vcpuFigure(evaluation: Evaluation, w: number): Html | false {
  const lines = evaluation.proposals.flatMap(({ name, cost }) => {
    const { timeline } = cost[w]!;
    return timeline === undefined ? [] : [{ name, timeline }];
  });
  if (lines.length === 0) return false;
  const { name: workload, seconds } = evaluation.workloads[w]!;
  const most = Math.max(...lines.flatMap(({ timeline }) => timeline.flat()), 1);
  const bins = lines[0]!.timeline[0]!.length;
  const scale = linear(0, seconds);
  const end = (row: readonly number[]) => row.reduce((sum, n) => sum + n, 0);
  const rows = lines.map(({ name, timeline }): PlotRow => {
    const each = timeline.map((row, vcpu) => `vCPU ${vcpu} ${si(end(row))}`).join(", ");
    return {
      name,
      value: timeline.length <= NAMED ? each : si(end(timeline.flat())),
      tip: `${name}: ${each} cycles; at most ${si(Math.max(...timeline.flat()))} in ${si(seconds / bins)} s`,
      mark: (x, y) => {
        const height = HEIGHT / timeline.length;
        return html`${timeline.map((row, vcpu) =>
          strip(
            row,
            (bin) => x((bin * seconds) / bins),
            y - HEIGHT / 2 + 2 + vcpu * height,
            height - 1,
            most,
          ),
        )}`;
      },
    };
  });
  return figure({
    caption: `Work for each vCPU over time, ${workload}: a strip each, darker for more, darkest for ${si(most)} in ${si(seconds / bins)} s`,
    picture: drawPlot({
      id: `vcpus-${w + 1}`,
      title: `Likely cycles for each vCPU over time, ${workload}`,
      description: rows.map(({ tip }) => tip).join(". "),
      rows,
      scale,
      tick: (second) => `${si(second)} s`,
      axis: "seconds of the recording",
    }),
    head: [
      "proposal, vCPU",
      "in all",
      "most in a tenth",
      ...Array.from({ length: 10 }, (_, i) => `${i + 1}/10`),
    ],
    rows: lines.flatMap(({ name, timeline }) =>
      timeline.map((row, vcpu) => {
        const tenths = Array.from({ length: 10 }, (_, i) =>
          end(row.slice(Math.round((i * bins) / 10), Math.round(((i + 1) * bins) / 10))),
        );
        return [`${name}, ${vcpu}`, si(end(row)), si(Math.max(...tenths)), ...tenths.map(si)];
      }),
    ),
    command: evaluateCommand(evaluation, w),
  });
}

/** One path for each shade: bins of it that are neighbours are one box. */
function strip(
  row: readonly number[],
  x: (bin: number) => number,
  y: number,
  height: number,
  most: number,
): Html {
  const level = (value: number) => (value === 0 ? 0 : Math.max(1, Math.ceil((LEVELS * value) / most)));
  const paths = Array.from({ length: LEVELS + 1 }, () => "");
  for (let from = 0; from < row.length;) {
    const shade = level(row[from]!);
    let to = from + 1;
    while (to < row.length && level(row[to]!) === shade) to++;
    const width = coordinate(x(to) - x(from));
    paths[shade] += `M${coordinate(x(from))} ${coordinate(y)}h${width}v${coordinate(height)}h-${width}z`;
    from = to;
  }
  return html`${paths.map((path, shade) => shade > 0 && path !== "" && html`<path class="heat heat-${shade}" d="${path}" />`)}`;
}
