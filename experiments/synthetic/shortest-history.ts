/**
 * The shortest history of generated work that breaks an invariant: found at random, then cut down operation by
 * operation for as long as it still does.
 */
import { Machine } from "../../machine/machine.js";
import type { MachineInvariant } from "../../machine/invariants.js";
import { type Op, randomOps } from "./ops.js";
import { runOp, start } from "./run-ops.js";

export interface History {
  readonly ops: readonly Op[];
  /** Where the invariant is broken after the last operation. */
  readonly what: string;
}

/** Lists that are tried, and their length. */
const SEEDS = 60;
const LENGTH = 60;

/**
 * Search on machines like `booted`, which has been booted and nothing else. Undefined: not broken in any list.
 * The empty history means: right after the first process was started.
 */
export function shortestHistory(booted: Machine, { broken }: MachineInvariant): History | undefined {
  start(booted);
  const bytes = booted.snapshot();
  /** What is broken first, and after how many operations; operations that fail to run break nothing. */
  const run = (ops: readonly Op[]): { after: number; what: string } | undefined => {
    const machine = new Machine(booted.config, bytes.slice(0));
    for (let after = 0; after <= ops.length; after++) {
      const what = broken(machine);
      if (what !== "") return { after, what };
      if (after < ops.length) runOp(machine, ops[after]!);
    }
    return undefined;
  };

  let best: readonly Op[] | undefined;
  for (let seed = 0; seed < SEEDS; seed++) {
    const ops = randomOps(seed, best === undefined ? LENGTH : best.length + 8, booted.config.geometry.nrCpus);
    const found = run(ops);
    if (found === undefined) continue;
    const cut = shrink(ops.slice(0, found.after), run);
    if (best === undefined || cut.length < best.length) best = cut;
    if (best.length === 0) break;
  }
  return best === undefined ? undefined : { ops: best, what: run(best)!.what };
}

function shrink(
  ops: readonly Op[],
  run: (ops: readonly Op[]) => { after: number } | undefined,
): readonly Op[] {
  let list = ops;
  for (let i = list.length - 1; i >= 0; i--) {
    const without = list.filter((_, j) => j !== i);
    const found = run(without);
    if (found === undefined) continue;
    list = without.slice(0, found.after);
    i = Math.min(i, list.length);
  }
  return list;
}

/** One operation as a reader says it: "thread on CPU 0". */
export function sayOp({ op, cpu }: Op): string {
  return `${op} on CPU ${cpu}`;
}
