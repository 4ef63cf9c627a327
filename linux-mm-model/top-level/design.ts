/**
 * What a top-level design decides: which L4 a task runs on, and how the L4s of one mm are kept alike.
 *
 * mm->pgd is the reference in every design: software walks read it, and it stays pinned while the mm lives.
 * Nothing outside a design's file knows whether there are replicas of it.
 */
import type { Rc } from "../../abi/errno.js";
import type { State } from "../../abi/state.js";
import type { LinuxConfig } from "../config.js";
import type { Linux } from "../linux.js";
import * as REGISTRY from "./registry.js";

export interface TopLevelDesign {
  /** CPUs load the reference itself, so it has a user-mode L4 beside it. */
  readonly loadsReference: boolean;
  /** A CPU leaves a user address space as soon as it runs a task without one. */
  readonly unlazy: boolean;

  /** The kernel-mode L4 for `task` in `mm` on `cpu`; NO_TASK for a task without an mm of its own. */
  pgd_of(k: Linux, cpu: number, mm: number, task: number): number;
  /** Is L4 `pgd` the reference of `mm`, or a replica of it? */
  belongs(k: Linux, mm: number, pgd: number): boolean;
  /** In write_cr3()'s batch: queue what makes `cpu` run on the tables of `mm` whose logical CR3 is `pgd`. */
  load(k: Linux, cpu: number, mm: number, pgd: number): void;
  /** Can `cpu` be given the tables of `mm` now, or has it to wait for another CPU that edits them? */
  may_load(k: Linux, cpu: number, mm: number): boolean;
  /** `cpu` has loaded pgd_of(task), or will when the batch is issued. The L4 of the pair that the task gives up by it, or 0. */
  loaded(k: Linux, cpu: number, task: number): number;
  /** What load() queued on `cpu` has been issued. */
  issued(k: Linux, cpu: number): void;

  /** Slot `slot` of mm's pinned reference is being set or cleared: queue the writes of all that mirrors it. */
  propagate(k: Linux, cpu: number, mm: number, slot: number, frame: number, flags: number): void;
  /** Has sync_fault() nothing to do, and nobody to wait for, as `cpu` has the slot of `vpn` that `mm`'s reference has? */
  is_in_step(k: Linux, cpu: number, mm: number, vpn: number): boolean;
  /** See PvMmuOps.sync_fault(). */
  sync_fault(k: Linux, cpu: number, task: number, vpn: number): boolean;

  /** `mm`'s reference has been pinned: end of fork, exec. 0, -ENOMEM, or MORE: a table was made, and another is needed. */
  pinned(k: Linux, cpu: number, mm: number): Rc;
  /** `mm`'s reference is about to be unpinned: the kernel-mode L4 of a pair of its that has to go before; 0 for none. */
  unpin(k: Linux, cpu: number, mm: number): number;

  /** A new thread of `mm`. 0 or -ENOMEM. */
  thread_create(k: Linux, cpu: number, mm: number, task: number): Rc;
  /** `task` is off its tables for good: the kernel-mode L4 of the pair that goes with it; 0 for none. */
  thread_free(k: Linux, task: number): number;

  /**
   * The pair of `pgd` is about to be unpinned. Until end_drop() its mm's page_table_lock is held: whoever clears a slot meanwhile
   * would clear it in a table that is no longer audited, or leave it in one that still is. Answers NEXT; BLOCKED, somebody
   * else has the lock; or DONE, somebody else has dropped it meanwhile: the mm's last user all its pairs, or a dead thread its own.
   */
  begin_drop(k: Linux, cpu: number, pgd: number): number;
  /** It is unpinned: forget it, and give the lock back. */
  end_drop(k: Linux, pgd: number): void;

  /** The kernel-mode L4 that Xen has for `cpu`, or will when the batch is issued: pgd_of() may be a logical value. */
  hardware_pgd(k: Linux, cpu: number): number;

  /** Replica pairs in use, of two pages each. */
  pairs(): number;
  /** Call `visit` for every L4 of the guest that is no mm's reference, nor the user-mode L4 beside one. */
  replicas(k: Linux, visit: (pgd: number) => void): void;

  /**
   * `cpu` is about to start, at boot or after an unplug; `by` makes its tables. 0, -ENOMEM, -EBUSY: another CPU has the lock of an mm
   * that needs one; or MORE: a table was made, and it is to be asked again when that is pinned.
   */
  cpu_up(k: Linux, by: number, cpu: number): Rc;
  /** The L4 that `cpu` starts on. */
  start_pgd(k: Linux, cpu: number): number;
  /** `cpu` has stopped, on the tables of init_mm, which Xen keeps installed: the kernel-mode L4 of a pair of its to drop; 0 for none. */
  cpu_down(k: Linux, by: number, cpu: number): number;
}

/** What a registry holds: all that changes in a design lies in `state`, taken in the constructor. */
export type TopLevelDesignClass = new (state: State, config: LinuxConfig) => TopLevelDesign;

const designs = new Map<string, TopLevelDesignClass>(Object.entries(REGISTRY));

/** Names that a proposal may give as linux.top, in order. */
export function topLevelDesigns(): string[] {
  return [...designs.keys()].sort();
}

/** Does `name` come from registry.ts, so that every thread knows it? */
export function isInTopLevelRegistry(name: string): boolean {
  return Object.hasOwn(REGISTRY, name);
}

/**
 * Give a design a name at run time, for proposals of this process.
 *
 * Errors: RangeError for a name that another design has.
 */
export function registerTopLevelDesign(name: string, design: TopLevelDesignClass): void {
  const present = designs.get(name);
  if (present !== undefined && present !== design) {
    throw new RangeError(`registerTopLevelDesign: ${name} is the name of ${present.name}; choose another`);
  }
  designs.set(name, design);
}

/**
 * The design behind linux.top of a proposal.
 *
 * Errors: RangeError for a name that nobody registered.
 */
export function top_level_design(state: State, config: LinuxConfig): TopLevelDesign {
  const design = designs.get(config.top);
  if (design === undefined) {
    throw new RangeError(
      `top_level_design: nobody registered ${config.top}; add it to top-level/registry.ts`,
    );
  }
  return new design(state, config);
}
