/** Most bytes of top-level tables in use at one time: the guest's, then Xen's. */
import type { Evaluation } from "../../experiments/results.js";
import { bytes } from "../numbers.js";
import { html, type Html } from "./html.js";
import { coordinate, drawPlot, type PlotRow } from "./plot.js";
import { binary } from "./scale.js";

const HALF = 7;

export function memoryPlot(evaluation: Evaluation, w: number): Html {
  const tables = evaluation.proposals.map(({ name, memoryBytes }) => ({ name, ...memoryBytes[w]! }));
  const scale = binary(Math.max(...tables.map(({ guest, xen }) => guest + xen), 1));
  const rows = tables.map(({ name, guest, xen }): PlotRow => ({
    name,
    value: xen === 0 ? bytes(guest) : `${bytes(guest)} + ${bytes(xen)}`,
    tip: `${name}: guest ${bytes(guest)}, Xen ${bytes(xen)}`,
    mark: (x, y) => html`${rect("guest", x(0), x(guest), y)}${rect("xen", x(guest), x(guest + xen), y)}`,
  }));
  return drawPlot({
    id: `memory-${w + 1}`,
    title: `Memory of top-level tables, ${evaluation.workloads[w]!.name}`,
    description: rows.map(({ tip }) => tip).join(". "),
    rows,
    scale,
    tick: bytes,
    axis: "most bytes in use at one time: guest + Xen",
  });
}

function rect(side: "guest" | "xen", from: number, to: number, y: number): Html {
  return html`<rect
    class="memory-${side}"
    x="${coordinate(from)}"
    y="${y - HALF}"
    width="${coordinate(to - from)}"
    height="${2 * HALF}"
  />`;
}
