/** What follows from the rest of a state, or matters to nobody, where L4s come and go: put right when a state is read. */
import { is_guest_l4_slot, ROOT_PAGETABLE_FIRST_XEN_SLOT } from "../../abi/layout.js";
import { _PAGE_PRESENT } from "../../abi/page.js";
import { INIT_MM } from "../../linux-mm-model/mm-struct.js";
import { PerThread } from "../../linux-mm-model/top-level/per-thread.js";
import { placesOf } from "./places.js";
import { hasLifeRegisters, type PvRegisters } from "./registers.js";
import type { Scene } from "./scene.js";

export class LifeRest {
  /** L3s of the kernel half, with both counts: L4s that come and go have uses of them, which nobody counts. */
  private readonly kernelL3s: Uint32Array;
  private readonly typeCounts: Uint32Array;
  private readonly counts: Uint32Array;
  /** Indexes of those to look at: the same L4s lead to all others, so that their counts rise and fall together. */
  private readonly telling: number[] = [];

  /** `l4s`: those that come and go. */
  constructor(
    private readonly scene: Scene,
    private readonly regs: PvRegisters,
    l4s: readonly number[],
  ) {
    const { memory, xen, linux } = scene.machine;
    const { typeCount, count } = xen.frames;
    const usersOf = new Map<number, number[]>();
    for (const l4 of [linux.mms.pgd[INIT_MM]!, ...l4s]) {
      for (let slot = ROOT_PAGETABLE_FIRST_XEN_SLOT; slot < memory.ptes; slot++) {
        if (!is_guest_l4_slot(slot) || (memory.flags(l4, slot) & _PAGE_PRESENT) === 0) continue;
        const l3 = memory.frame(l4, slot);
        usersOf.set(l3, [...(usersOf.get(l3) ?? []), l4]);
      }
    }
    const known = new Set<string>();
    [...usersOf.values()].forEach((users, i) => {
      const who = users.join();
      if (!known.has(who)) this.telling.push(i);
      known.add(who);
    });
    this.kernelL3s = Uint32Array.from(usersOf.keys());
    this.typeCounts = this.kernelL3s.map((l3) => typeCount[l3]!);
    this.counts = this.kernelL3s.map((l3) => count[l3]!);
  }

  fix(): void {
    const { linux } = this.scene.machine;
    const { mms, tasks, top, life } = linux;
    mms.hint[0] = tasks.hint[0] = 0;
    for (let cpu = 0; cpu < life.pgd.length; cpu++)
      if (!hasLifeRegisters(this.regs.path[cpu]!)) life.pgd[cpu] = 0;
    if (top instanceof PerThread) top.relink();
    this.fixCounts();
  }

  fixCounts(): void {
    const { kernelL3s, typeCounts, counts, telling } = this;
    const { typeCount, count } = this.scene.machine.xen.frames;
    for (let n = 0; n < telling.length; n++) {
      const i = telling[n]!;
      const l3 = kernelL3s[i]!;
      if (typeCount[l3] !== typeCounts[i] || count[l3] !== counts[i]) return this.setCounts();
    }
  }

  private setCounts(): void {
    const { kernelL3s, typeCounts, counts } = this;
    const { typeCount, count } = this.scene.machine.xen.frames;
    for (let i = 0; i < kernelL3s.length; i++) {
      typeCount[kernelL3s[i]!] = typeCounts[i]!;
      count[kernelL3s[i]!] = counts[i]!;
    }
  }

  /** Places of what is put right but for the counts, and of who is asked to leave tables. */
  places(): number[] {
    const { mms, tasks, top, csd, life } = this.scene.machine.linux;
    const rows = top instanceof PerThread ? [top.pair_pgd, top.pair_mm, top.next, top.head, top.used] : [];
    return [mms.hint, tasks.hint, csd.fn, csd.data, life.pgd, ...rows].flatMap((row) =>
      placesOf(row, 0, row.length),
    );
  }
}
