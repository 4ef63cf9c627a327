/**
 * Many stores, or many hypercalls, of one kind in a row, in one piece: what a fault-around, a change of many PTEs and the end of an
 * address space make.
 *
 * The plain forms are Xen.store() and Xen.hypercall(), one by one. What is not plainly the same as those is left to them, with
 * nothing changed: then the answer is false. test/xen-model/many-in-one.test.ts holds the two equal, in every byte of the state.
 *
 * Mirrors: do_mmu_update(), xen/arch/x86/mm.c, with count 1, and do_mmuext_op(), so many times; a processor's
 *          stores.
 */
import type { Vpn } from "../abi/frames.js";
import { Tally } from "../abi/ledger.js";
import type { EntryRun } from "../abi/mmu-update.js";
import { _PAGE_PRESENT, _PAGE_RW } from "../abi/page.js";
import { adjust_guest_l1e } from "./adjust.js";
import { XEN_RULES } from "./audit-rules.js";
import { flush_tlb_one_local } from "./flush.js";
import { OWNER_guest } from "./frame-table.js";
import { ACCESS_WRITE } from "./hw/control.js";
import { WALK_OK } from "./hw/walk.js";
import { L1_DISALLOWED } from "./l1e-refs.js";
import { is_page_table } from "./page-type.js";
import { exit_to_guest } from "./refill.js";
import { FILLED, is_l1_in_use } from "./update-one-l1e.js";
import type { Xen } from "./xen.js";

/** Of a call that flushes a page, but for the flush. */
const FLUSHED = Tally.of({ mmuext_op: 1, mmuext_op_items: 1, invlpg_op: 1, sysret: 1 });

/**
 * See Hypervisor.store_empty(). One walk does for all: the first store marks its entries accessed and dirty, and as the frame is
 * no table in use, none of the stores changes what the next would walk.
 */
export function store_empty(x: Xen, vcpu: number, page: Vpn, first: number, end: number): boolean {
  const { frames, mem, processor } = x;
  if (x.tlb !== undefined || x.rules !== XEN_RULES) return false;
  if (x.access(vcpu, page, ACCESS_WRITE, true) !== WALK_OK) return false;
  const { frame } = processor.out;
  if (frame >= mem.nrTables || !frames.mfn_valid(frame)) return false;
  if (frames.typeCount[frame] !== 0 && is_page_table(frames.type[frame]!)) return false;
  mem.words.fill(0, mem.at(frame, first), mem.at(frame, end));
  return true;
}

/** See Hypervisor.update_l1es(). */
export function update_l1es(
  x: Xen,
  vcpu: number,
  table: number,
  run: EntryRun,
  from: number,
  to: number,
  flags: number,
): boolean {
  if (x.mapcache !== undefined || !runs_kernel(x, vcpu)) return false;
  if (!is_l1_in_use(x, table) || !fill_l1es(x, table, run, from, to, flags)) return false;
  enter_and_leave(x, vcpu, to - from, FILLED);
  return true;
}

/** See Hypervisor.flush_pages(). Where no TLB is modelled, a flush is a count. */
export function flush_pages(x: Xen, vcpu: number, page: Vpn, n: number): boolean {
  if (x.tlb !== undefined || !runs_kernel(x, vcpu)) return false;
  const { ledger } = x;
  const { times } = ledger;
  enter_and_leave(x, vcpu, n, FLUSHED);
  ledger.times = times * n;
  flush_tlb_one_local(x, vcpu, page);
  ledger.times = times;
  return true;
}

/** Is the vCPU in kernel mode, with nothing that its next hypercall has to do first? */
function runs_kernel({ vcpus }: Xen, vcpu: number): boolean {
  if (vcpus.blocked[vcpu] !== 0 || vcpus.kernel_mode[vcpu] === 0) return false;
  return vcpus.old_guest_table[vcpu] === 0;
}

/**
 * mod_l1_entry() of entries `from`..`to` - 1 of `run`, which are not present, where the new ones are read-only and of the guest's own
 * frames. False, with nothing changed, for any other.
 */
export function fill_l1es(
  x: Xen,
  table: number,
  run: EntryRun,
  from: number,
  to: number,
  flags: number,
): boolean {
  const { frames, mem } = x;
  if (x.rules !== XEN_RULES || x.log.enabled || x.pg_owner !== OWNER_guest) return false;
  if (table >= mem.nrTables) return false;
  if ((flags & (_PAGE_PRESENT | _PAGE_RW | L1_DISALLOWED)) !== _PAGE_PRESENT) return false;

  const { words } = mem;
  const { owner, count, nrFrames } = frames;
  const { slot, frame } = run;
  const start = mem.at(table, 0);
  for (let i = from; i < to; i++) {
    const mfn = frame[i]!;
    if (mfn >= nrFrames || owner[mfn] !== OWNER_guest || mfn === table) return false;
    if ((words[start + 2 * slot[i]! + 1]! & _PAGE_PRESENT) !== 0) return false;
  }

  const value = adjust_guest_l1e(flags, x.pv32);
  for (let i = from; i < to; i++) {
    const mfn = frame[i]!;
    const at = start + 2 * slot[i]!;
    words[at] = mfn;
    words[at + 1] = value;
    count[mfn] = count[mfn]! + 1;
  }
  return true;
}

/**
 * Xen is called `n` times, each of which counts `tally`. The first call may find that a flush has taken entries of the guest's; the
 * second finds what the first left, and so does each behind it: it is counted for all of these.
 */
function enter_and_leave(x: Xen, vcpu: number, n: number, tally: Tally): void {
  const { ledger, root } = x;
  const { times } = ledger;
  root.enter_from_guest(x, vcpu);
  exit_to_guest(x, vcpu);
  if (n > 1) {
    ledger.times = times * (n - 1);
    root.enter_from_guest(x, vcpu);
    exit_to_guest(x, vcpu);
  }
  ledger.times = times * n;
  ledger.countAll(vcpu, tally);
  ledger.times = times;
}
