/**
 * RCU callbacks, as far as they make hypercalls: where other CPUs invoke a CPU's callbacks, the first one of a grace
 * period wakes the thread that waits for it.
 *
 * Mirrors: __call_rcu_nocb_wake(), wake_nocb_gp(), kernel/rcu/tree_nocb.h; rcu_nocbs= of the recordings.
 * Differs: nobody's callbacks do anything. When a grace period ends is the caller's to say: rcu_gp_end().
 */
import type { Linux } from "./linux.js";

/** Differs: CPU 0 does the housekeeping, also where it is not modelled. */
const HOUSEKEEPING_CPU = 0;

/** Something that readers may still see is freed later. */
export function call_rcu(k: Linux, cpu: number): void {
  const { nocb_cblist } = k.percpu;
  if (!k.config.rcuNocbs || nocb_cblist[cpu] !== 0) return;
  nocb_cblist[cpu] = 1;
  k.pv.smp_send_reschedule(cpu, HOUSEKEEPING_CPU);
}

/** A grace period has ended, and its callbacks are done. */
export function rcu_gp_end(k: Linux): void {
  k.percpu.nocb_cblist.fill(0);
}
