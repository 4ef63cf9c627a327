/** HYPERVISOR_update_descriptor(ma, desc): one GDT or LDT entry; Linux uses it for the TLS slots at a switch. */
import { __HYPERVISOR_update_descriptor, type CallBuffer } from "./hypercalls.js";

/** Add the call; `table` is the frame of the descriptor table, `slot` the entry. Returns its row. */
export function push_update_descriptor(calls: CallBuffer, table: number, slot: number): number {
  const row = calls.push(__HYPERVISOR_update_descriptor);
  calls.frame[row] = table;
  calls.flags[row] = slot;
  return row;
}
