/**
 * Drives a proposal with generated work, and looks at invariants after every operation.
 */
import type { EventName } from "../../abi/events.js";
import type { Cause, EventCounts } from "../../abi/ledger.js";
import type { Proposal } from "../../abi/proposal.js";
import { bootedMachine } from "../../machine/fixtures.js";
import type { MachineInvariant } from "../../machine/invariants.js";
import { Machine } from "../../machine/machine.js";
import { type Op, type OpName, randomOps } from "./ops.js";
import { runOp, start } from "./run-ops.js";

/** Which work: the same numbers give the same operations. */
export interface GeneratedWork {
  /** Lists of operations, with the seeds 0..lists-1. */
  readonly lists: number;
  /** Operations of each list. */
  readonly ops: number;
  readonly nrCpus: number;
  /** Kinds of operations to leave out. */
  readonly without?: readonly OpName[];
}

/** Where an invariant did not hold, and how to come there again. */
export interface Finding {
  readonly says: string;
  readonly what: string;
  readonly seed: number;
  /** The operations of that list, up to the one after which it did not hold. */
  readonly ops: readonly Op[];
}

/**
 * The first finding, or undefined: all invariants held after every operation of all lists.
 *
 * Errors: Error, naming seed and operation, if the machine cannot go on; its cause says why.
 */
export function driveGenerated(
  proposal: Proposal,
  invariants: readonly MachineInvariant[],
  work: GeneratedWork,
): Finding | undefined {
  let finding: Finding | undefined;
  forEachList(proposal, work, (machine, seed, ops) => {
    for (let i = 0; i < ops.length && finding === undefined; i++) {
      try {
        runOp(machine, ops[i]!);
      } catch (error) {
        throw new Error(`seed ${seed}, operation ${i}: ${JSON.stringify(ops[i])}`, { cause: error });
      }
      for (const { says, broken } of invariants) {
        const what = broken(machine);
        if (what !== "") finding ??= { says, what, seed, ops: ops.slice(0, i + 1) };
      }
    }
    return finding === undefined;
  });
  return finding;
}

/** What the work costs under a proposal, in events: to be priced, or compared with another proposal's. */
export function countGenerated(
  proposal: Proposal,
  work: GeneratedWork,
): { counts: EventCounts; byCause: Partial<Record<Cause, EventCounts>> } {
  const counts: EventCounts = {};
  const byCause: Partial<Record<Cause, EventCounts>> = {};
  forEachList(proposal, work, (machine, _seed, ops) => {
    machine.ledger.clear();
    for (const op of ops) runOp(machine, op);
    add(counts, machine.ledger.collect());
    for (const [cause, events] of Object.entries(machine.ledger.collectByCause()) as [Cause, EventCounts][]) {
      add((byCause[cause] ??= {}), events);
    }
    return true;
  });
  return { counts, byCause };
}

function add(to: EventCounts, from: EventCounts): void {
  for (const [name, n] of Object.entries(from) as [EventName, number][]) to[name] = (to[name] ?? 0) + n;
}

/** Each list on a machine of its own, on which the first process has started; until `visit` says false. */
function forEachList(
  proposal: Proposal,
  { lists, ops, nrCpus, without = [] }: GeneratedWork,
  visit: (machine: Machine, seed: number, ops: readonly Op[]) => boolean,
): void {
  const booted = bootedMachine(proposal, { nrCpus });
  start(booted);
  const bytes = booted.snapshot();
  for (let seed = 0; seed < lists; seed++) {
    const list = randomOps(seed, ops, nrCpus).filter(({ op }) => !without.includes(op));
    if (!visit(new Machine(booted.config, bytes.slice(0)), seed, list)) return;
  }
}
