/** What Xen's frame table says about the guest's frames, but for the kernel memory that outlives processes. */
import { LINUX_VMALLOC_FIRST_SLOT } from "../../../abi/layout.js";
import { _PAGE_PRESENT } from "../../../abi/page.js";
import { INIT_MM } from "../../../linux-mm-model/mm-struct.js";
import type { Machine } from "../../../machine/machine.js";

/** Tables of the vmalloc area are never freed: one that was needed first in between is no leak. */
const KERNEL_TABLE = "kernel table";
const TABLE = -1;

/** Per frame: "type:typeCount:count:flags", without the uses as kernel stacks that wait in a cache. */
export function frameUses(machine: Machine): string[] {
  const { frames } = machine.xen;
  const stacks = vmallocUses(machine);
  return Array.from({ length: frames.nrFrames }, (_, mfn) => {
    const kept = stacks.get(mfn) ?? 0;
    if (kept === TABLE) return KERNEL_TABLE;
    const typeCount = frames.typeCount[mfn]! - kept;
    // a type without uses is the frame's last one, which means nothing
    const type = typeCount === 0 ? 0 : frames.type[mfn]!;
    return [type, typeCount, frames.count[mfn]! - kept, frames.typeFlags[mfn]! & 1].join(":");
  });
}

/** Frames that the vmalloc area maps, and how often; TABLE for its tables. */
function vmallocUses(machine: Machine): Map<number, number> {
  const { linux, memory } = machine;
  const uses = new Map<number, number>();
  const visit = (table: number, level: number): void => {
    for (let slot = 0; slot < memory.ptes; slot++) {
      if ((memory.flags(table, slot) & _PAGE_PRESENT) === 0) continue;
      const frame = memory.frame(table, slot);
      if (level > 1) uses.set(frame, TABLE);
      if (level === 1) uses.set(frame, (uses.get(frame) ?? 0) + 1);
      else visit(frame, level - 1);
    }
  };
  visit(memory.frame(linux.mms.pgd[INIT_MM]!, LINUX_VMALLOC_FIRST_SLOT), 3);
  return uses;
}

/** Frames whose uses differ, as text. */
export function leaks(before: readonly string[], after: readonly string[]): string[] {
  return before.flatMap((uses, mfn) =>
    uses === after[mfn] || after[mfn] === KERNEL_TABLE
      ? []
      : [`mfn 0x${mfn.toString(16)}: ${uses} before, ${after[mfn]} after`],
  );
}
