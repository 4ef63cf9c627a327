/** How each design's cost grows along a sweep's axis, as text. */
import type { Growth } from "../experiments/sweep/growth.js";
import { exact, si } from "./numbers.js";

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

function title({ workload, profile, over, unit }: Growth): string {
  return `${workload}, ${profile}: likely ${unit} of a second by ${over}; exponents over the larger half`;
}

/** What costs most at the last value, and how that grows: "ipi_taken 44 % (3.09)". */
export function mostText({ most: { event, share, exponent } }: Growth): string {
  return `${event} ${Math.round(100 * share)} % (${exponentText(exponent)})`;
}

export function exponentText(exponent: number): string {
  return exponent.toFixed(2).replace(/^-(0\.00)$/, "$1");
}

function block(name: string, rows: readonly Growth[]): string {
  const xs = [...new Set(rows.flatMap(({ points }) => points.map(({ x }) => x)))].sort((a, b) => a - b);
  const table = [
    [rows[0]!.over, ...xs.map(exact), "exponent", "most at the end"],
    ...rows.map((row) => [
      row.proposal,
      ...xs.map((x) => {
        const point = row.points.find((p) => p.x === x);
        return point === undefined ? "" : si(point.likely);
      }),
      exponentText(row.exponent),
      mostText(row),
    ]),
  ];
  const widths = table[0]!.map((_, i) => Math.max(...table.map((row) => row[i]!.length)));
  const line = (row: string[]) =>
    row
      .map((cell, i) => (i % (row.length - 1) === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join("  ")
      .trimEnd();
  return `\n${name}\n${table.map((row) => `${line(row)}\n`).join("")}`;
}
