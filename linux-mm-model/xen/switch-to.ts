/**
 * The end of a context switch in one piece, and its calls in one: what nearly each switch comes to.
 *
 * The plain forms are begin_switch_to() and end_switch_to() (sched.ts), with enlighten-pv.ts. What is not plainly the same is left
 * to them, with nothing changed; test/machine/by-name.test.ts holds the two equal (Machine.equals()).
 *
 * Mirrors: __switch_to(), arch/x86/kernel/process_64.c; xen_end_context_switch(), arch/x86/xen/enlighten_pv.c.
 */
import { Tally } from "../../abi/ledger.js";
import type { Linux } from "../linux.js";
import { PARAVIRT_LAZY_NONE } from "../percpu.js";
import { xen_mc_done } from "./multicalls.js";

/** xen_load_tls() of the descriptors that are there, and xen_load_sp0(). */
const SWITCH_TO = {
  context_switch: 1,
  mc_batch_cpu: 1,
  mc_batch_none: 1,
  mc_entry: 1,
  mc_entry_stack_switch: 1,
  mc_issue_cpu: 2,
  mc_flush: 1,
};
/** With what was queued before, or nothing. */
const WITH_QUEUED = Tally.frequent({ ...SWITCH_TO, mc_flush: 2 });
const WITH_NOTHING = Tally.frequent({ ...SWITCH_TO, mc_flush_empty: 1 });

/** See PvMmuOps.switch_to_at_once(). */
export function switch_to_at_once(k: Linux, cpu: number, next: number): boolean {
  const { hv, percpu, tasks, hist, ledger, mcLevels } = k;
  const made = mcLevels.made[cpu]!;
  const queued = mcLevels.queued(cpu);
  if (made !== 0) {
    mcLevels.made[cpu] = 0;
    hv.end_switch_to!(cpu);
  } else {
    if (hv.switch_to === undefined || !queues_nothing_else(k, cpu, next)) return false;
    if (!hv.switch_to(cpu, queued === 0 ? undefined : k.mc[cpu]!.calls, queued)) return false;
  }

  const n = queued + made;
  ledger.countAll(cpu, n === 0 ? WITH_NOTHING : WITH_QUEUED);
  if (n !== 0) hist.mc_flush[n] = hist.mc_flush[n]! + 1;
  if (n !== 0 || mcLevels.cbidx[cpu] !== 0) xen_mc_done(k, cpu);
  percpu.lazy_mode[cpu] = PARAVIRT_LAZY_NONE;
  percpu.set_current(cpu, next);
  tasks.on_cpu[next] = cpu;
  tasks.last_cpu[next] = cpu;
  hist.mc_flush[1] = hist.mc_flush[1]! + 1;
  return true;
}

/** Does a switch to `next` queue nothing but the load of its tables, and does `next` not go on in lazy MMU mode? */
export function queues_nothing_else(k: Linux, cpu: number, next: number): boolean {
  const { percpu, tasks } = k;
  if (!k.at_once || !k.config.fsgsbase || tasks.lazy_mmu[next] !== 0) return false;
  return percpu.shadow_tls[cpu] === (tasks.tls[next] === 0 ? 0 : next);
}
