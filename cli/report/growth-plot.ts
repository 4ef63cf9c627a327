/** Lines over two logarithmic axes, one for each design: a power law is a straight one, as steep as its exponent. */
import type { Growth } from "../../experiments/sweep/growth.js";
import { exact } from "../numbers.js";
import { html, setNumber, type Html } from "./html.js";
import { logScale } from "./log-scale.js";
import { coordinate, fit } from "./plot.js";

export interface GrowthPlot {
  readonly id: string;
  readonly title: string;
  /** What the upright axis is. */
  readonly axis: string;
  readonly lines: readonly Growth[];
  /** What is drawn of a point, and how it is written. */
  readonly value: (line: Growth, point: Growth["points"][number]) => number;
  readonly write: (value: number) => string;
  /** Beside a design's name in the legend. */
  readonly note?: (line: Growth) => string;
}

const [WIDTH, LEFT, RIGHT, TOP, HEIGHT] = [400, 50, 12, 28, 236];
/** A row of the legend, and its two columns. */
const [ROW, COLUMN] = [17, 196];
/** Colours that are told apart; later lines have them again, broken. */
const COLOURS = 8;

export function drawGrowth({ id, title, axis, lines, value, write, note }: GrowthPlot): Html {
  const xs = [...new Set(lines.flatMap(({ points }) => points.map(({ x }) => x)))].sort((a, b) => a - b);
  const across = logScale(xs);
  const values = lines.map((line) => line.points.map((point) => value(line, point)));
  const up = logScale(values.flat());
  const px = (x: number) => LEFT + across.at(x) * (WIDTH - LEFT - RIGHT);
  const py = (y: number) => TOP + (1 - up.at(y)) * (HEIGHT - TOP);
  const said = lines.map((line, i) => {
    const [first, last] = [line.points[0]!, line.points.at(-1)!];
    return `${line.proposal}: ${write(values[i]![0]!)} at ${exact(first.x)}, ${write(values[i]!.at(-1)!)} at ${exact(last.x)}`;
  });
  const legend = HEIGHT + 50;
  return html`<svg
    id="${id}"
    viewBox="0 0 ${WIDTH} ${legend + Math.ceil(lines.length / 2) * ROW}"
    role="img"
    aria-labelledby="${id}-title ${id}-desc"
  >
    <title id="${id}-title">${title}</title>
    <desc id="${id}-desc">${said.join(". ")}</desc>
    <text class="axis" x="0" y="11">${axis}</text>
    ${up.ticks.map((tick) => {
      const y = coordinate(py(tick));
      return html`<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y}" y2="${y}" />
        <text class="tick" x="${LEFT - 6}" y="${coordinate(py(tick) + 4)}" text-anchor="end"
          >${setNumber(write(tick).replace(/\.0+(?= |$)/, ""))}</text
        > `;
    })}
    ${marked(xs, px).map(
      (x) =>
        html`<text
          class="tick"
          x="${px(x) > WIDTH - 24 ? WIDTH : coordinate(px(x))}"
          y="${HEIGHT + 15}"
          text-anchor="${px(x) > WIDTH - 24 ? "end" : "middle"}"
          >${exact(x)}</text
        >`,
    )}
    <line class="zero" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${HEIGHT}" y2="${HEIGHT}" />
    <text class="axis" x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT + 30}" text-anchor="middle">
      ${lines[0]!.over}
    </text>
    ${lines.map(({ points }, i) => {
      const at = points.map(({ x }, j) => [coordinate(px(x)), coordinate(py(values[i]![j]!))]);
      return html`<g
        ><title>${said[i]}</title>
        <path class="${style(i)}" d="M${at.map((pair) => pair.join(" ")).join("L")}" />
        ${at.map(([x, y]) => html`<circle class="part-${i % COLOURS}" cx="${x}" cy="${y}" r="2.6" />`)}</g
      > `;
    })}
    ${lines.map((line, i) => {
      const x = (i % 2) * COLUMN;
      const y = legend + Math.floor(i / 2) * ROW;
      return html`<g
        ><title>${said[i]}</title>
        <path class="${style(i)}" d="M${x} ${y}h16" />
        <text class="tick" x="${x + 21}" y="${y + 4}">${fit(line.proposal, 23)} ${note?.(line)}</text></g
      > `;
    })}
  </svg>`;
}

function style(i: number): string {
  return `line line-${i % COLOURS}${i >= COLOURS ? " broken" : ""}`;
}

/** Values on the axis that have room for their number. */
function marked(xs: readonly number[], px: (x: number) => number): number[] {
  const room = 34;
  return xs.reduce<number[]>(
    (kept, x) => (kept.length === 0 || px(x) - px(kept.at(-1)!) >= room ? [...kept, x] : kept),
    [],
  );
}
