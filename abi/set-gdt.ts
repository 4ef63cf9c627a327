/** HYPERVISOR_set_gdt(frames, entries): load a GDT of up to 14 guest frames. At boot only. */
import { __HYPERVISOR_set_gdt, type CallBuffer } from "./hypercalls.js";

/**
 * Add the call; returns its row. The frames lie in the buffer's mmuext rows, as mx_mfn.
 * Differs: the guest passes a pointer to them.
 */
export function push_set_gdt(calls: CallBuffer, frames: readonly number[], entries: number): number {
  const row = calls.push(__HYPERVISOR_set_gdt);
  const first = calls.used[2]!;
  calls.first[row] = first;
  calls.count[row] = frames.length;
  frames.forEach((frame, i) => {
    calls.mx_mfn[first + i] = frame;
  });
  calls.used[2] = first + frames.length;
  calls.flags[row] = entries;
  return row;
}
