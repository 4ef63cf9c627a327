/**
 * What an outcome rests on, in sentences: bounds, what was exhausted, reductions, and what hashing may have missed.
 */
import type { Bounds, Ended, Outcome } from "./outcome.js";

const ENDED: Record<Ended, string> = {
  exhausted: "Every state that can be reached was.",
  violated: "The exploration ended at a violation; what lies behind it was not looked at.",
  depth: "States beyond the bound on depth were not looked at.",
  states: "The bound on states was met; what waited was not looked at.",
  memory: "The bound on memory was met; what waited was not looked at.",
  interrupted: "The exploration was interrupted; what waited was not looked at.",
  runs: "Runs were drawn at random; what none of them met was not looked at.",
};

/** The statement, a sentence a line. */
export function sayWhatItRestsOn({ states, transitions, depth, soundness }: Outcome): string[] {
  const { bounds, ended, partialOrder, symmetries, collisionOdds, seenBytesPerState, pct } = soundness;
  const lines = [
    `${count(states)} states, ${count(transitions)} transitions, up to ${count(depth)} actions from the start.`,
    ENDED[ended],
    `Bounds: ${sayBounds(bounds)}.`,
  ];
  if (pct !== undefined) {
    const { seed, runs, depth: bug, odds } = pct;
    lines.push(
      `${count(runs)} runs with seed ${seed}: each meets a violation that takes ${bug} orderings with a probability of at least ${odds.toExponential(1)}.`,
    );
    return lines;
  }
  const reductions = [
    ...(partialOrder ? ["partial order"] : []),
    ...(symmetries > 0 ? [`symmetry (${symmetries + 1} names a state)`] : []),
  ];
  lines.push(`Reductions: ${reductions.join(", ") || "none"}.`);
  lines.push(
    `States were told apart by 64 bits of hash: two had the same one with a probability of at most ${collisionOdds.toExponential(1)}; ${seenBytesPerState.toFixed(1)} bytes a state.`,
  );
  return lines;
}

function sayBounds({ maxDepth, maxStates, maxBytes }: Bounds): string {
  const said = [
    ...(maxDepth === Infinity ? [] : [`${count(maxDepth)} actions deep`]),
    ...(maxStates === Infinity ? [] : [`${count(maxStates)} states`]),
    `${(maxBytes / 2 ** 30).toFixed(1)} GiB of memory`,
  ];
  return said.join(", ");
}

/** "1,234,567"; toLocaleString() takes 50 ms for its first number. */
function count(n: number): string {
  return String(n).replace(/\B(?=(\d{3})+$)/g, ",");
}
