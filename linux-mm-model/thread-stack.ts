/**
 * Kernel stacks: four pages of vmalloc each, two of which every CPU keeps for the next tasks.
 *
 * Mirrors: alloc_thread_stack_node(), free_thread_stack(), try_release_thread_stack_to_cache(), kernel/fork.c.
 * Differs: a stack that no cache takes is unmapped at once; where other CPUs invoke RCU callbacks, they do it, and it
 *          is not counted.
 */
import { CAUSE } from "../abi/ledger.js";
import type { Linux } from "./linux.js";
import { NR_CACHED_STACKS } from "./percpu.js";
import { call_rcu } from "./rcu.js";
import { NO_AREA, vfree, vmalloc } from "./vmalloc.js";

/** THREAD_SIZE in pages. */
const THREAD_PAGES = 4;

/** A stack for a new task: one that the CPU keeps, or four fresh pages. */
export function alloc_thread_stack_node(k: Linux, cpu: number): number {
  const { cached_stacks } = k.percpu;
  for (let i = cpu * NR_CACHED_STACKS; i < (cpu + 1) * NR_CACHED_STACKS; i++) {
    const stack = cached_stacks[i]!;
    if (stack === NO_AREA) continue;
    cached_stacks[i] = NO_AREA;
    return stack;
  }
  return vmalloc(k, cpu, THREAD_PAGES);
}

/** The task that had `stack` has been switched away from for good. */
export function free_thread_stack(k: Linux, cpu: number, stack: number): void {
  const { cached_stacks } = k.percpu;
  for (let i = cpu * NR_CACHED_STACKS; i < (cpu + 1) * NR_CACHED_STACKS; i++) {
    if (cached_stacks[i] !== NO_AREA) continue;
    cached_stacks[i] = stack;
    return;
  }
  call_rcu(k, cpu);
  const before = k.ledger.enter(cpu, k.config.rcuNocbs ? CAUSE.rcu : k.ledger.cause[cpu]!);
  vfree(k, cpu, stack);
  k.ledger.enter(cpu, before);
}

/** Tasks that boot made and ended have filled the caches. */
export function cache_boot_stacks(k: Linux): void {
  const { cached_stacks } = k.percpu;
  for (let i = 0; i < cached_stacks.length; i++) cached_stacks[i] = vmalloc(k, 0, THREAD_PAGES);
}
