/**
 * The frame that all plots share: a row per proposal, its name and number above its mark, an axis below.
 *
 * A plot is drawn for 400 units of width, so that it stays readable on a narrow page and in three columns on
 * a wide one. Colours are classes of style.ts; what a plot shows is also in a table.
 */
import { html, setNumber, type Html } from "./html.js";
import type { Scale } from "./scale.js";

export interface PlotRow {
  readonly name: string;
  /** Printed at the end of the row's line. */
  readonly value: string;
  /** Said when the pointer rests on the row. */
  readonly tip: string;
  /** The row's mark, centred on `y`; `x` places a value. */
  readonly mark: (x: (value: number) => number, y: number) => Html;
}

export interface Plot {
  /** Unique on the page. */
  readonly id: string;
  readonly title: string;
  /** What a reader who does not see it should know. */
  readonly description: string;
  readonly rows: readonly PlotRow[];
  readonly scale: Scale;
  readonly tick: (value: number) => string;
  readonly axis: string;
}

const WIDTH = 400;
const LEFT = 6;
const RIGHT = 10;
const ROW = 38;
/** From the top of a row to its text's line, and to its mark's centre. */
const TEXT = 14;
const MARK = 25;
const AXIS = 34;

/** A coordinate with at most one decimal, as short as it is written. */
export function coordinate(n: number): string {
  return String(Math.round(n * 10) / 10);
}

/** At most `length` characters of a name. */
export function fit(name: string, length: number): string {
  return name.length <= length ? name : `${name.slice(0, length - 1)}\u2026`;
}

export function drawPlot(plot: Plot): Html {
  const { id, scale, rows } = plot;
  const bottom = rows.length * ROW + 6;
  const x = (value: number) => LEFT + scale.at(value) * (WIDTH - LEFT - RIGHT);
  const name = `${id}-title`;
  const description = `${id}-desc`;
  return html`<svg
    id="${id}"
    viewBox="0 0 ${WIDTH} ${bottom + AXIS}"
    role="img"
    aria-labelledby="${name} ${description}"
  >
    <title id="${name}">${plot.title}</title>
    <desc id="${description}">${plot.description}</desc>
    ${scale.ticks.map((tick) => drawTick(plot, tick, coordinate(x(tick)), bottom))}
    ${rows.map((row, i) => drawRow(row, x, i * ROW))}
    <text class="axis" x="${WIDTH / 2}" y="${bottom + 30}" text-anchor="middle">${plot.axis}</text>
  </svg>`;
}

function drawTick(plot: Plot, tick: number, x: string, bottom: number): Html {
  const at = Number(x);
  const anchor = at < 24 ? "start" : at > WIDTH - 32 ? "end" : "middle";
  const from = anchor === "start" ? LEFT - 6 : anchor === "end" ? WIDTH : at;
  return html`<line class="${tick === 0 ? "zero" : "grid"}" x1="${x}" x2="${x}" y1="2" y2="${bottom}" />
    <text class="tick" x="${from}" y="${bottom + 14}" text-anchor="${anchor}"
      >${setNumber(withoutZeros(plot.tick(tick)))}</text
    >`;
}

/** "1.00 M" as "1 M": a mark on an axis is exact. */
function withoutZeros(text: string): string {
  return text.replace(/(\.\d*?)0+(?=\D|$)/, "$1").replace(/\.(?=\D|$)/, "");
}

/** Letters of a name that there is room for. Units: a letter of a name is about 7.2 wide, one of a value 6.6. */
function roomBeside(value: string): number {
  return Math.floor((WIDTH - LEFT - RIGHT - 8 - 6.6 * value.length) / 7.2);
}

function drawRow(row: PlotRow, x: (value: number) => number, top: number): Html {
  return html`<g
    ><title>${row.tip}</title>
    <rect class="hit" x="0" y="${top}" width="${WIDTH}" height="${ROW}" />
    <text class="name" x="${LEFT}" y="${top + TEXT}">${fit(row.name, roomBeside(row.value))}</text>
    <text class="value" x="${WIDTH - RIGHT}" y="${top + TEXT}" text-anchor="end"
      >${setNumber(row.value)}</text
    >
    ${row.mark(x, top + MARK)}</g
  > `;
}
