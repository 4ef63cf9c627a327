// What became slower: two bench.json against each other, and a run against the committed ratios.
"use strict";

/** Part of a ratio that the short form lets go. */
const LOSS = 0.3;

/** A sentence for each row of `now` that is worse than in `earlier`, with the two ranges apart. */
function slower(earlier, now) {
  const before = new Map(earlier.map((row) => [row.name, row]));
  return now.flatMap((row) => {
    const then = before.get(row.name);
    if (then === undefined) return [];
    const worse = lessIsBetter(row) ? row.min > then.max : row.max < then.min;
    return worse ? [`slower: ${row.name}: ${shown(then)} became ${shown(row)}`] : [];
  });
}

/**
 * A sentence for each ratio that has lost over LOSS of the committed one: {NAME: ratio}. Where one repetition still reached
 * that, something else took the machine's time in the others.
 */
function lost(baseline, now) {
  return now.flatMap((row) => {
    const then = baseline[row.name];
    if (then === undefined || row.kind !== "ratio") return [];
    const part = lessIsBetter(row) ? then / row.median : row.median / then;
    const percent = Math.round((1 - part) * 100);
    const reached = lessIsBetter(row) ? row.min <= then : row.max >= then;
    return part < 1 - LOSS && !reached
      ? [`lost ${percent} %: ${row.name}: ${then} in bench/baseline.json, now ${shown(row)}`]
      : [];
  });
}

function lessIsBetter({ bar }) {
  return bar?.atMost !== undefined;
}

function shown({ min, median, max }) {
  return `${median.toPrecision(3)} [${min.toPrecision(3)}..${max.toPrecision(3)}]`;
}

module.exports = { lost, slower };
