/** What follows from the rest of a state, or matters to nobody, where L4s come and go: put right when a state is read. */
import { is_guest_l4_slot, ROOT_PAGETABLE_FIRST_XEN_SLOT } from "../../abi/layout.js";
import { _PAGE_PRESENT } from "../../abi/page.js";
import { INIT_MM } from "../../linux-mm-model/mm-struct.js";
import { PerThread } from "../../linux-mm-model/top-level/per-thread.js";
import { wordsOf } from "./cells.js";
import { hasLifeRegisters, type PvRegisters } from "./registers.js";
import type { Scene } from "./scene.js";

export class LifeRest {
  /** L3s of the kernel half, with both counts: L4s that come and go have uses of them, which nobody counts. */
  private readonly kernelL3s: Uint32Array;
  private readonly typeCounts: Uint32Array;
  private readonly counts: Uint32Array;

  /** `l4s`: those that come and go. */
  constructor(
    private readonly scene: Scene,
    private readonly regs: PvRegisters,
    l4s: readonly number[],
  ) {
    const { memory, xen, linux } = scene.machine;
    const { typeCount, count } = xen.frames;
    const l3s = new Set<number>();
    for (const l4 of [linux.mms.pgd[INIT_MM]!, ...l4s]) {
      for (let slot = ROOT_PAGETABLE_FIRST_XEN_SLOT; slot < memory.ptes; slot++) {
        if (!is_guest_l4_slot(slot) || (memory.flags(l4, slot) & _PAGE_PRESENT) === 0) continue;
        l3s.add(memory.frame(l4, slot));
      }
    }
    this.kernelL3s = Uint32Array.from(l3s);
    this.typeCounts = this.kernelL3s.map((l3) => typeCount[l3]!);
    this.counts = this.kernelL3s.map((l3) => count[l3]!);
  }

  fix(): void {
    const { linux, xen } = this.scene.machine;
    const { mms, tasks, top, life } = linux;
    mms.hint[0] = tasks.hint[0] = 0;
    for (let cpu = 0; cpu < life.pgd.length; cpu++)
      if (!hasLifeRegisters(this.regs.path[cpu]!)) life.pgd[cpu] = 0;
    if (top instanceof PerThread) top.relink();
    const { kernelL3s, typeCounts, counts } = this;
    for (let i = 0; i < kernelL3s.length; i++) {
      xen.frames.typeCount[kernelL3s[i]!] = typeCounts[i]!;
      xen.frames.count[kernelL3s[i]!] = counts[i]!;
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
      ...[...this.kernelL3s].flatMap((l3) => [
        ...wordsOf(xen.frames.typeCount, l3, l3 + 1),
        ...wordsOf(xen.frames.count, l3, l3 + 1),
      ]),
    ];
  }
}
