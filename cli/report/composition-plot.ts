/**
 * What a difference is made of: the groups of events, as shares of all that was added or saved.
 *
 * What is added stands right of zero, what is saved left of it. Each row is scaled to its own sum, since the
 * sizes are in the plot beside it and a small difference is as interesting in its parts as a large one.
 */
import type { Evaluation } from "../../experiments/results.js";
import { signedSi } from "../numbers.js";
import { html, type Html } from "./html.js";
import { coordinate, drawPlot, type PlotRow } from "./plot.js";
import { linear } from "./scale.js";

const HALF = 7;

/** All groups that any difference of the evaluation has, in the profile's order; their index is their colour. */
export function groupNames(evaluation: Evaluation): string[] {
  const used = evaluation.proposals.flatMap(({ cost }) => cost.flatMap(({ groups }) => groups));
  return [...new Set(used.map(({ group }) => group))].filter((name) =>
    used.some(({ group, versusCycles }) => group === name && versusCycles !== 0),
  );
}

/** The class of a group's colour; a ninth group and more share the last one. */
export function groupClass(names: readonly string[], group: string): string {
  return `part part-${Math.min(7, names.indexOf(group))}`;
}

export function compositionPlot(evaluation: Evaluation, w: number): Html {
  const { baseline } = evaluation;
  const names = groupNames(evaluation);
  const others = evaluation.proposals.filter(({ name }) => name !== baseline);
  const bars = others.map(({ name, cost }) => sharesOf(name, cost[w]!.groups));
  const scale = linear(
    -Math.max(...bars.map(({ saved }) => saved), 0),
    Math.max(...bars.map(({ added }) => added), 1),
  );
  const rows = bars.map(({ name, parts, sum }): PlotRow => {
    const said = parts.map(({ group, cycles }) => `${group} ${signedSi(cycles)}`).join(", ");
    return {
      name,
      value: sum === 0 ? "no difference" : signedSi(sum),
      tip: `${name}: ${said === "" ? "no difference" : said}`,
      mark: (x, y) =>
        html`${parts.map(({ group, from, to, cycles }) => {
          const start = Math.min(x(from), x(to));
          return html`<rect
            class="${groupClass(names, group)}"
            x="${coordinate(start)}"
            y="${y - HALF}"
            width="${coordinate(Math.abs(x(to) - x(from)))}"
            height="${2 * HALF}"
            ><title>${name}: ${group} ${signedSi(cycles)}</title></rect
          >`;
        })}`,
    };
  });
  return drawPlot({
    id: `composition-${w + 1}`,
    title: `What the difference is made of, ${evaluation.workloads[w]!.name}`,
    description: rows.map(({ tip }) => tip).join(". "),
    rows,
    scale,
    tick: (share) => `${Math.round(Math.abs(share) * 100)} %`,
    axis:
      scale.ticks[0]! < 0 ? "share of all changes: saved \u2190 \u2192 added" : "share of all that is added",
  });
}

interface Shares {
  readonly name: string;
  readonly sum: number;
  /** Ends of the row, as shares. */
  readonly added: number;
  readonly saved: number;
  readonly parts: { group: string; cycles: number; from: number; to: number }[];
}

function sharesOf(name: string, groups: readonly { group: string; versusCycles: number }[]): Shares {
  const all = groups.reduce((total, { versusCycles }) => total + Math.abs(versusCycles), 0);
  let [added, saved, sum] = [0, 0, 0];
  const parts: Shares["parts"] = [];
  for (const { group, versusCycles: cycles } of groups) {
    if (cycles === 0) continue;
    const share = Math.abs(cycles) / all;
    sum += cycles;
    parts.push(
      cycles > 0
        ? { group, cycles, from: added, to: added + share }
        : { group, cycles, from: -saved, to: -saved - share },
    );
    if (cycles > 0) added += share;
    else saved += share;
  }
  return { name, sum, added, saved, parts };
}
