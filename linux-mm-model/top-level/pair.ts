/**
 * A pair of top-level tables besides mm->pgd: a kernel-mode L4 and a user-mode L4 (its page->private), pinned for
 * as long as it exists. What all designs with replicas do with one.
 *
 * Mirrors: xen_pgd_alloc() and __xen_pgd_pin() for the pair of a process, arch/x86/xen/mmu_pv.c.
 */
import { ENOMEM } from "../../abi/errno.js";
import { EV } from "../../abi/events.js";
import { MMU_NORMAL_PT_UPDATE } from "../../abi/mmu-update.js";
import type { Vpn } from "../../abi/frames.js";
import { DONE, NEXT, path, runPath, type Step, step } from "../../abi/path.js";
import { pt_slot } from "../../abi/page.js";
import type { Linux } from "../linux.js";
import { NO_MM } from "../mm-struct.js";
import { CSD_leave_pair, leave_tables_steps } from "../xen/leave-tables.js";
import {
  xen_extend_mmu_update,
  xen_extend_two_mmu_updates,
  xen_mc_batch,
  xen_mc_flush,
} from "../xen/multicalls.js";
import { pin_replica, unpin_replica } from "../xen/pgd-pin.js";
import { alloc_kernel_pgd, alloc_user_pgd, free_pgd_pair } from "../xen/ptpage.js";

/** A pinned pair with the user slots that `mm`'s reference has now, or -ENOMEM. */
export function make_pair(k: Linux, cpu: number, mm: number): number {
  const { memory } = k;
  if (!k.pages.can_alloc_tables(2)) return -ENOMEM;
  const pgd = alloc_kernel_pgd(k);
  const user_pgd = alloc_user_pgd(k, pgd);
  const from = memory.at(k.mms.pgd[mm]!, 0);
  const to = from + k.config.ptes; // half of the entries, two words each
  memory.words.copyWithin(memory.at(pgd, 0), from, to);
  memory.words.copyWithin(memory.at(user_pgd, 0), from, to);
  pin_replica(k, cpu, pgd);
  k.ledger.count(cpu, EV.top_pair_alloc, 1);
  return pgd;
}

/** A pinned kernel-mode L4 of init_mm, for one CPU alone, or -ENOMEM. */
export function make_init_pgd(k: Linux, cpu: number): number {
  if (!k.pages.can_alloc_tables(1)) return -ENOMEM;
  const pgd = alloc_kernel_pgd(k);
  pin_replica(k, cpu, pgd);
  return pgd;
}

/**
 * All CPUs leave the pair of life.pgd; it is unpinned, and free when Xen has done that and no other CPU is about to drop it: a CPU
 * whose life.pgd it is has a reference to it.
 */
export const drop_pair_steps: readonly Step<Linux>[] = [
  ...leave_tables_steps(CSD_leave_pair, (k, cpu) => k.life.pgd[cpu]!),
  step("unpin_replica", (k, cpu) => {
    const answer = k.top.begin_drop(k, cpu, k.life.pgd[cpu]!);
    if (answer === DONE) put_pair(k, cpu);
    if (answer === NEXT) unpin_replica(k, cpu, k.life.pgd[cpu]!);
    return answer;
  }),
  step("free_pgd_pair", (k, cpu) => {
    const pgd = k.life.pgd[cpu]!;
    if (k.pages.private[pgd] !== 0) k.ledger.count(cpu, EV.top_pair_free, 1);
    k.top.end_drop(k, pgd);
    put_pair(k, cpu);
    return DONE;
  }),
];

/** Give up the reference of life.pgd; with the last one the pair is free. */
export function put_pair(k: Linux, cpu: number): void {
  const pgd = k.life.pgd[cpu]!;
  k.life.pgd[cpu] = 0;
  if (!k.life.pgd.includes(pgd)) free_pgd_pair(k, pgd);
}

const drop_pair_path = path("drop_pair", drop_pair_steps);

export function drop_pair(k: Linux, cpu: number, pgd: number): void {
  k.life.pgd[cpu] = pgd;
  runPath(drop_pair_path, k, cpu);
}

/**
 * Queue the writes of a user slot in both L4s of the pair: kernel mode first, as xen_set_p4d() does (I-14). In one piece where both
 * join the call queued last; test/machine/by-name.test.ts holds that equal to the plain form.
 */
export function set_pair_slot(
  k: Linux,
  cpu: number,
  pgd: number,
  slot: number,
  frame: number,
  flags: number,
): void {
  const user_pgd = k.pages.private[pgd]!;
  if (k.at_once && xen_extend_two_mmu_updates(k, cpu, pgd, user_pgd, slot, frame, flags)) return;
  xen_extend_mmu_update(k, cpu, MMU_NORMAL_PT_UPDATE, pgd, slot, frame, flags);
  xen_extend_mmu_update(k, cpu, MMU_NORMAL_PT_UPDATE, user_pgd, slot, frame, flags);
}

/**
 * Slot `slot` of the reference is being set or cleared: do the same to a replica, in the same batch. A slot is set at
 * once only if `eager`; it is always cleared at once, since its L3 table becomes writable right after (I-1).
 */
export function fan_out(
  k: Linux,
  cpu: number,
  pgd: number,
  slot: number,
  frame: number,
  flags: number,
  eager: boolean,
): void {
  const clear = flags === 0;
  if (clear ? k.memory.flags(pgd, slot) === 0 : !eager) return; // never synchronised, or left to its fault
  k.ledger.count(cpu, clear ? EV.top_fanout_clear : EV.top_fanout_set, 1);
  set_pair_slot(k, cpu, pgd, slot, frame, flags);
}

/** Has the pair that `cpu` runs on the slot of `vpn` that `mm`'s reference has, or neither, and does nobody edit the mm's slots? */
export function is_pair_in_step(k: Linux, cpu: number, mm: number, vpn: number): boolean {
  return k.mms.page_table_lock[mm] === 0 && !lacks_slot(k, cpu, mm, pt_slot(vpn as Vpn, 4));
}

/** Does only the pair that `cpu` runs on lack a slot? */
function lacks_slot({ memory, mms, percpu }: Linux, cpu: number, mm: number, slot: number): boolean {
  return memory.flags(mms.pgd[mm]!, slot) !== 0 && memory.flags(percpu.xen_cr3[cpu]!, slot) === 0;
}

/**
 * Copy the slot of `vpn` from `mm`'s reference to the pair that `cpu` runs on, if only the pair lacks it: then under the
 * page_table_lock, which stays held, so that no clear of the slot comes between. The write is issued at once, also inside lazy
 * MMU mode: the access is retried as soon as the handler returns (I-7).
 *
 * Mirrors: vmalloc_fault() of 32-bit, arch/x86/mm/fault.c.
 */
export function sync_loaded_pair(k: Linux, cpu: number, mm: number, vpn: number): boolean {
  const slot = pt_slot(vpn as Vpn, 4);
  if (mm === NO_MM || slot >= k.config.ptes / 2 || !lacks_slot(k, cpu, mm, slot)) return false;
  const reference = k.mms.pgd[mm]!;
  k.mms.lock_page_table(mm, cpu);
  k.ledger.count(cpu, EV.top_sync_fault, 1);
  k.ledger.count(cpu, EV.top_slots_synced, 1);
  xen_mc_batch(k, cpu);
  const { memory } = k;
  const pgd = k.percpu.xen_cr3[cpu]!;
  set_pair_slot(k, cpu, pgd, slot, memory.frame(reference, slot), memory.flags(reference, slot));
  xen_mc_flush(k, cpu);
  return true;
}
