/**
 * HYPERVISOR_mmu_update: write pagetable entries, each audited by the type of the frame that holds it.
 *
 * A request is {ptr, val}: ptr is the entry's machine address with the command in its low bits.
 *   mu_table  frame that holds the entry (ptr >> 12, up to 40 bits)
 *   mu_slot   index of the entry in it
 *   mu_cmd    ptr & 7: MMU_*; Xen masks three bits, so 4..7 exist, and are refused
 *   mu_frame, mu_flags  the new entry; for MMU_MACHPHYS_UPDATE mu_frame is the new pseudo-physical frame
 *
 * Mirrors: struct mmu_update, xen/include/public/xen.h; 16 bytes a request.
 */
import { __HYPERVISOR_mmu_update, DOMID_SELF, type CallBuffer } from "./hypercalls.js";
import { PTES } from "./page.js";

export const MMU_NORMAL_PT_UPDATE = 0;
export const MMU_MACHPHYS_UPDATE = 1;
export const MMU_PT_UPDATE_PRESERVE_AD = 2;
export const MMU_PT_UPDATE_NO_TRANSLATE = 3;

export const MMU_UPDATE_BYTES = 16;

/** Entries of one table that are written in a row: `n` of them, entry i to slot[i], of frames of the guest's. Its owner reuses it. */
export class EntryRun {
  readonly slot = new Uint16Array(PTES);
  readonly frame = new Int32Array(PTES);
  n = 0;

  add(slot: number, frame: number): void {
    this.slot[this.n] = slot;
    this.frame[this.n] = frame;
    this.n++;
  }
}

/** Begin an mmu_update without requests; returns its row. Requests are added while it is the last call. */
export function push_mmu_update(calls: CallBuffer, domid: number = DOMID_SELF): number {
  const row = calls.push(__HYPERVISOR_mmu_update);
  calls.first[row] = calls.used[1]!;
  calls.domid[row] = domid;
  return row;
}

/** Add one request to the last call, which is an mmu_update. */
export function add_mmu_update(
  calls: CallBuffer,
  cmd: number,
  table: number,
  slot: number,
  frame: number,
  flags: number,
): void {
  const request = calls.used[1]!;
  if (request >= calls.capacity.mmuUpdates) {
    throw new RangeError(`CallBuffer: ${request} mmu_update requests are the capacity; issue them first`);
  }
  calls.used[1] = request + 1;
  const row = calls.used[0]! - 1;
  calls.count[row] = calls.count[row]! + 1;
  calls.mu_cmd[request] = cmd;
  calls.mu_table[request] = table;
  calls.mu_slot[request] = slot;
  calls.mu_frame[request] = frame;
  calls.mu_flags[request] = flags;
}

/**
 * reset(), push_mmu_update() and add_mmu_update() of MMU_NORMAL_PT_UPDATE in one: the call of who sets entries one by one. Where
 * the buffer's last call was such a one too, most of it is there.
 */
export function push_normal_update(
  calls: CallBuffer,
  table: number,
  slot: number,
  frame: number,
  flags: number,
): void {
  const { used } = calls;
  const again =
    calls.op[0] === __HYPERVISOR_mmu_update &&
    calls.count[0] === 1 &&
    calls.mu_cmd[0] === MMU_NORMAL_PT_UPDATE &&
    used[0] === 1 &&
    used[1] === 1;
  if (!again || calls.domid[0] !== DOMID_SELF || calls.first[0] !== 0) {
    calls.reset();
    push_mmu_update(calls);
    add_mmu_update(calls, MMU_NORMAL_PT_UPDATE, table, slot, frame, flags);
    return;
  }
  calls.rc[0] = 0;
  calls.done[0] = -1;
  calls.mu_table[0] = table;
  calls.mu_slot[0] = slot;
  calls.mu_frame[0] = frame;
  calls.mu_flags[0] = flags;
}
