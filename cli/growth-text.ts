/** How each design's cost grows along a sweep's axis, as text. */
import type { Growth } from "../experiments/sweep/growth.js";
import { si } from "./numbers.js";

/** A block for each workload and profile; empty where there is no axis. */
export function growthText(growth: readonly Growth[]): string {
  const titles = [...new Set(growth.map(title))];
  return titles
    .map((wanted) =>
      block(
        wanted,
        growth.filter((row) => title(row) === wanted),
      ),
    )
    .join("");
}

function title({ workload, profile, over }: Growth): string {
  return `${workload}, ${profile}: likely cost of a second by ${over}, and its exponent over the larger half`;
}

function block(name: string, rows: readonly Growth[]): string {
  const xs = [...new Set(rows.flatMap(({ points }) => points.map(({ x }) => x)))].sort((a, b) => a - b);
  const table = [
    [rows[0]!.over, ...xs.map((x) => si(x)), "exponent"],
    ...rows.map(({ proposal, points, exponent }) => [
      proposal,
      ...xs.map((x) => {
        const point = points.find((p) => p.x === x);
        return point === undefined ? "" : si(point.likely);
      }),
      exponent.toFixed(2),
    ]),
  ];
  const widths = table[0]!.map((_, i) => Math.max(...table.map((row) => row[i]!.length)));
  const line = (row: string[]) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join("  ");
  return `\n${name}\n${table.map((row) => `${line(row)}\n`).join("")}`;
}
