/** What follows from the rest of a state, or matters to nobody, where L4s come and go: put right when a state is read. */
import { is_guest_l4_slot, ROOT_PAGETABLE_FIRST_XEN_SLOT } from "../../abi/layout.js";
import { _PAGE_PRESENT } from "../../abi/page.js";
import { INIT_MM } from "../../linux-mm-model/mm-struct.js";
import { PerThread } from "../../linux-mm-model/top-level/per-thread.js";
import { wordsOf } from "./cells.js";
import { hasLifeRegisters, type PvRegisters } from "./registers.js";
import type { Scene } from "./scene.js";

export class LifeRest {
  /** L3s of the kernel half: L4s that come and go have uses of them, which nobody counts. */
  private readonly kernelL3s = new Map<number, { readonly type: number; readonly general: number }>();

  /** `l4s`: those that come and go. */
  constructor(
    private readonly scene: Scene,
    private readonly regs: PvRegisters,
    l4s: readonly number[],
  ) {
    const { memory, xen, linux } = scene.machine;
    const { typeCount, count } = xen.frames;
    for (const l4 of [linux.mms.pgd[INIT_MM]!, ...l4s]) {
      for (let slot = ROOT_PAGETABLE_FIRST_XEN_SLOT; slot < memory.ptes; slot++) {
        const l3 = memory.frame(l4, slot);
        if (!is_guest_l4_slot(slot) || (memory.flags(l4, slot) & _PAGE_PRESENT) === 0) continue;
        this.kernelL3s.set(l3, { type: typeCount[l3]!, general: count[l3]! });
      }
    }
  }

  fix(): void {
    const { linux, xen } = this.scene.machine;
    const { mms, tasks, top, life } = linux;
    mms.hint[0] = tasks.hint[0] = 0;
    for (let cpu = 0; cpu < life.pgd.length; cpu++)
      if (!hasLifeRegisters(this.regs.path[cpu]!)) life.pgd[cpu] = 0;
    if (top instanceof PerThread) top.relink();
    for (const [l3, { type, general }] of this.kernelL3s) {
      xen.frames.typeCount[l3] = type;
      xen.frames.count[l3] = general;
    }
  }

  /** Words of the buffer that are put right, and those of who is asked to leave tables. */
  wordsUsed(): number[] {
    const { linux, xen } = this.scene.machine;
    const { mms, tasks, top, csd, life } = linux;
    const rows = top instanceof PerThread ? [top.pair_pgd, top.pair_mm, top.next, top.head, top.used] : [];
    return [
      ...[mms.hint, tasks.hint, csd.fn, csd.data, life.pgd, ...rows].flatMap((row) =>
        wordsOf(row, 0, row.length),
      ),
      ...[...this.kernelL3s.keys()].flatMap((l3) => [
        ...wordsOf(xen.frames.typeCount, l3, l3 + 1),
        ...wordsOf(xen.frames.count, l3, l3 + 1),
      ]),
    ];
  }
}
