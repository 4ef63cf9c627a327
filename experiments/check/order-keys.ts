/**
 * Which renamings of a state have to be compared: those that put its vCPUs, threads and slots in ascending order of keys, which say
 * something about each that no renaming changes. Keys that are equal leave several.
 */
import { _PAGE_PRESENT } from "../../abi/page.js";
import type { PvRegisters } from "./registers.js";
import type { Renaming } from "./renaming.js";
import { behindTasks, firstThread, mmOfThread } from "./bounds.js";
import { type Scene } from "./scene.js";

export class OrderKeys {
  private readonly vcpuKeys: Int32Array;
  private readonly taskKeys: Int32Array;
  private readonly slotKeys: Int32Array;
  private readonly first: number;
  /** By task: is the next one a thread of the same process? */
  private readonly hasSibling: readonly boolean[];

  constructor(
    private readonly scene: Scene,
    private readonly regs: PvRegisters,
    private readonly renamings: readonly Renaming[],
  ) {
    const { bounds } = scene;
    this.first = firstThread(bounds);
    this.vcpuKeys = new Int32Array(bounds.vcpus);
    this.taskKeys = new Int32Array(behindTasks(bounds));
    this.slotKeys = new Int32Array(bounds.slots);
    const mixes = (bounds.forks ?? 0) > 0; // forks mix them
    this.hasSibling = Array.from(this.taskKeys, (_, task) => {
      const n = task - this.first;
      return (
        !mixes && n >= 0 && n + 1 < bounds.threads && mmOfThread(bounds, n) === mmOfThread(bounds, n + 1)
      );
    });
  }

  /** Look at the current state. */
  look(): void {
    const { vcpuKeys, taskKeys, slotKeys, regs, first, scene } = this;
    if (this.renamings.length === 1) return;
    const { linux, xen } = scene.machine;
    const { percpu, tasks, mms, memory } = linux;
    for (let cpu = 0; cpu < vcpuKeys.length; cpu++) {
      const runs = percpu.current[cpu]! < first ? 0 : 1;
      const ops = runs === 0 ? 0 : regs.opsLeft[percpu.current[cpu]!]!;
      const at = (regs.path[cpu]! << 9) | (regs.pc[cpu]! << 3) | regs.xenPc[cpu]!;
      vcpuKeys[cpu] =
        (at << 12) | (regs.row[cpu]! << 10) | (ops << 6) | (runs << 5) | xen.vcpus.kernel_mode[cpu]!;
    }
    for (let task = first; task < taskKeys.length; task++) {
      const cpu = tasks.on_cpu[task]!;
      taskKeys[task] = (regs.opsLeft[task]! << 24) | (cpu < 0 ? 0 : 1 + (vcpuKeys[cpu]! & 0xfff));
    }
    for (let slot = 0; slot < slotKeys.length; slot++) {
      let key = 0;
      for (let mm = 1; mm <= scene.bounds.mms; mm++) {
        const present = memory.flags(mms.pgd[mm]!, slot) & _PAGE_PRESENT;
        key += ((regs.mapped[mm]! >>> slot) & 1) * 4 + (present !== 0 ? 1 : 0);
      }
      for (let cpu = 0; cpu < vcpuKeys.length; cpu++) {
        if (regs.tlb[cpu * slotKeys.length + slot] !== 0) key += 64;
        if (regs.access[cpu] === slot + 1) key += 1024;
      }
      slotKeys[slot] = key;
    }
  }

  /** Does renaming number `r` put all in ascending order? */
  isInOrder(r: number): boolean {
    const { vcpuKeys, taskKeys, slotKeys, hasSibling } = this;
    if (this.renamings.length === 1) return true;
    const { hotplugs = 0 } = this.scene.bounds;
    const { vcpus, tasks, slots } = this.renamings[r]!;
    for (let i = 1; i < vcpus.length && vcpus.length === 2 && hotplugs === 0; i++)
      if (vcpuKeys[vcpus[i - 1]!]! > vcpuKeys[vcpus[i]!]!) return false;
    for (let i = 1; i < slots.length; i++) if (slotKeys[slots[i - 1]!]! > slotKeys[slots[i]!]!) return false;
    for (let i = this.first; i < tasks.length; i++)
      if (hasSibling[i] === true && taskKeys[tasks[i]!]! > taskKeys[tasks[i + 1]!]!) return false;
    return true;
  }
}
