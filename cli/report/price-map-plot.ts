/** A crossover map: over two prices, which of two proposals is cheaper on a recording. */
import { type PriceMap, priceMap } from "../../experiments/costs/price-map.js";
import type { Evaluation, PairResult } from "../../experiments/results.js";
import { signedSi, si } from "../numbers.js";
import { evaluateCommand, figure } from "./figure.js";
import { html, type Html } from "./html.js";
import { coordinate } from "./plot.js";

const COLUMNS = 33;
const ROWS = 21;
const [WIDTH, LEFT, RIGHT, HEIGHT] = [400, 58, 10, 230];

/** The map for the pair that is least decided on the recording, of those that two prices turn if there are any; nothing where none hangs on two prices. */
export function crossoverFigure(evaluation: Evaluation, w: number): Html | false {
  const { workloads, comparisons, proposals, inputs } = evaluation;
  const workload = workloads[w]!.name;
  const undecided = comparisons
    .filter(({ workload: on, probabilityCheaper: p }) => on === workload && p > 0 && p < 1)
    .filter(({ a, b }) => [a, b].every((name) => isProposal(evaluation, name)))
    .sort((s, t) => Math.abs(s.probabilityCheaper - 0.5) - Math.abs(t.probabilityCheaper - 0.5));
  let uniform: Html | false = false;
  for (const pair of undecided) {
    const [a, b] = [pair.a, pair.b].map(
      (name) => proposals.find((proposal) => proposal.name === name)!.cost[w]!.counts,
    );
    const map = priceMap(inputs.profile, a!, b!, COLUMNS, ROWS);
    if (map === undefined) continue;
    const found = draw(evaluation, w, pair, map);
    if (map.difference.flat().some((d) => d < 0 !== map.difference[0]![0]! < 0)) return found;
    if (uniform === false) uniform = found;
  }
  return uniform;
}

function isProposal({ proposals }: Evaluation, name: string): boolean {
  return proposals.some((proposal) => proposal.name === name && proposal.kind === "proposal");
}

function draw(
  evaluation: Evaluation,
  w: number,
  { a, b, probabilityCheaper }: PairResult,
  map: PriceMap,
): Html {
  const { x, y, xs, ys, difference } = map;
  const workload = evaluation.workloads[w]!.name;
  const all = difference.flat();
  const share = Math.round((100 * all.filter((d) => d < 0).length) / all.length);
  const corner = (row: number, column: number) => signedSi(difference.at(row)!.at(column)!);
  const description =
    `${a} is cheaper on ${share} % of the map, ${b} on the rest. Difference of ${a} less ${b}: with both prices low ` +
    `${corner(0, 0)}, both high ${corner(-1, -1)}, ${x} alone high ${corner(0, -1)}, ${y} alone high ${corner(-1, 0)}.`;
  const id = `crossover-${w + 1}`;
  const cell = { width: (WIDTH - LEFT - RIGHT) / COLUMNS, height: HEIGHT / ROWS };
  const picture = html`<svg
    id="${id}"
    viewBox="0 0 ${WIDTH} ${HEIGHT + 48}"
    role="img"
    aria-labelledby="${id}-title ${id}-desc"
  >
    <title id="${id}-title">Which is cheaper on ${workload}: ${a} or ${b}</title>
    <desc id="${id}-desc">${description}</desc>
    ${difference.map((row, i) =>
      runsOf(row).map(
        ([from, to, less]) =>
          html`<rect
            class="${less ? "part-0" : "part-1"}"
            x="${coordinate(LEFT + from * cell.width)}"
            y="${coordinate(HEIGHT - (i + 1) * cell.height)}"
            width="${coordinate((to - from) * cell.width)}"
            height="${coordinate(cell.height + 0.9)}"
            ><title>
              ${less ? a : b} is cheaper: ${y} ${si(ys[i]!)}, ${x} ${si(xs[from]!)} to ${si(xs[to - 1]!)}
            </title></rect
          > `,
      ),
    )}
    ${[0, 0.5, 1].map((at) => {
      const column = Math.round(at * (COLUMNS - 1));
      const row = Math.round(at * (ROWS - 1));
      const px = LEFT + (column + 0.5) * cell.width;
      const anchor = at === 0 ? "start" : at === 1 ? "end" : "middle";
      return html`<text class="tick" x="${coordinate(px)}" y="${HEIGHT + 15}" text-anchor="${anchor}"
          >${si(xs[column]!)}</text
        >
        <text
          class="tick"
          x="${LEFT - 6}"
          y="${coordinate(HEIGHT - (row + 0.5) * cell.height + 4)}"
          text-anchor="end"
          >${si(ys[row]!)}</text
        > `;
    })}
    <text class="axis" x="${WIDTH / 2}" y="${HEIGHT + 32}" text-anchor="middle">→ ${x}; ↑ ${y}</text>
  </svg>`;
  const columns = [0, 0.25, 0.5, 0.75, 1].map((part) => Math.round(part * (COLUMNS - 1)));
  const rows = [0, 0.25, 0.5, 0.75, 1].map((part) => Math.round(part * (ROWS - 1)));
  return figure({
    caption: `Which is cheaper, by two prices: ${a} (blue) or ${b} (orange); of the draws, ${Math.round(100 * probabilityCheaper)} % say the first`,
    picture,
    head: [`${y} \\ ${x}`, ...columns.map((column) => si(xs[column]!))],
    rows: rows.map((row) => [si(ys[row]!), ...columns.map((column) => signedSi(difference[row]![column]!))]),
    command: evaluateCommand(evaluation, w),
  });
}

/** Neighbours of one sign as [from, to), and whether the first is cheaper there. */
function runsOf(row: readonly number[]): [number, number, boolean][] {
  const runs: [number, number, boolean][] = [];
  row.forEach((value, i) => {
    const last = runs.at(-1);
    if (last !== undefined && last[2] === value < 0) last[1] = i + 1;
    else runs.push([i, i + 1, value < 0]);
  });
  return runs;
}
