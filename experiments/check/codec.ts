/**
 * A machine's changeable part in few bytes, and back.
 *
 * One function names each field once, for both directions. What is dead is written as zero: registers of a path that does not
 * run, calls that were made. What matters only in comparison is written as the comparison: generations of a flush, times of
 * Xen's TLB clock. L3 tables are named in the order in which they are met, and free ones not at all, so that states which
 * differ only in which frame is which have equal bytes. Everything else is the same in all states of a scene, or is read by
 * nobody; test/experiments/check/codec.test.ts compares machines that went on with those that were written and read back.
 */
import { _PAGE_PRESENT, _PAGE_RW, LEVEL_PAGES } from "../../abi/page.js";
import { INIT_MM } from "../../linux-mm-model/mm-struct.js";
import { LOADED_MM_SWITCHING } from "../../linux-mm-model/percpu.js";
import { context_switch_path } from "../../linux-mm-model/sched.js";
import { PerVcpu } from "../../linux-mm-model/top-level/per-vcpu.js";
import { _PAGE_TABLE, direct_map } from "../../linux-mm-model/xen/prot.js";
import { PGT_validated, PGT_writable_page } from "../../xen-model/frame-table.js";
import type { PvRegisters } from "./registers.js";
import { PATH_FAULT, PATH_MUNMAP, PATH_SWITCH } from "./registers.js";
import { firstThread, type Scene } from "./scene.js";
import { CallCodec } from "./call-codec.js";

/** Generations are written as how far behind they are: more than one makes no difference (flush_tlb_func()). */
const MAX_BEHIND = 2;
/** tlb_gen of every mm in a state that was read. */
const GENERATION = 8;

/** What an L4 entry of the user half has, when it is present: as Xen's audit leaves it. */
const L4E = _PAGE_TABLE;

const LOAD_NEW_MM_CR3 = context_switch_path.steps.findIndex(({ name }) => name === "load_new_mm_cr3");

export class Codec extends CallCodec {
  readonly stateBytes: number;
  /** L4s of the scene, and frames that can become L3s. */
  readonly l4s: readonly number[];
  readonly l3s: readonly number[];
  private readonly cell = new Int32Array(1);
  /** Word index of each frame's PTE in the direct map. */
  private readonly rwWord: Uint32Array;

  constructor(scene: Scene, regs: PvRegisters) {
    super(scene, regs);
    const { machine } = scene;
    const { linux, xen } = machine;
    const l4s = new Set<number>();
    const add = (pgd: number): void => {
      l4s.add(pgd);
      if (linux.pages.private[pgd] !== 0) l4s.add(linux.pages.private[pgd]!);
    };
    for (let mm = INIT_MM; mm < linux.mms.max; mm++) if (linux.mms.used[mm] !== 0) add(linux.mms.pgd[mm]!);
    linux.top.replicas(linux, add);
    for (let vcpu = 0; vcpu < scene.bounds.vcpus; vcpu++) {
      const { root_pgt, idle_l4 } = xen.pcpus;
      for (const root of [xen.vcpus.root[vcpu]!, root_pgt[vcpu]!, idle_l4[vcpu]!])
        if (root !== 0) l4s.add(root);
    }
    this.l4s = [...l4s];
    const l3s: number[] = [];
    for (let frame = scene.pool[0]; frame < scene.pool[1]; frame++) if (!l4s.has(frame)) l3s.push(frame);
    this.l3s = l3s;
    this.l4s.forEach((frame, i) => {
      this.nameOf[frame] = i + 1;
      this.frameOf[i + 1] = frame;
    });
    this.firstL3 = this.l4s.length + 1;
    this.rwWord = Uint32Array.from({ length: scene.pool[1] }, (_, frame) =>
      frame < scene.pool[0] ? 0 : this.directMapWord(frame),
    );
    const probe = new Uint8Array(4096);
    this.stateBytes = 0;
    this.store(probe, 0);
    this.stateBytes = this.p + this.slack();
  }

  /** Room for what the initial state does not have: registers, calls, L3s. */
  private slack(): number {
    const { vcpus, slots, mms } = this.scene.bounds;
    return vcpus * 64 + (mms * slots + vcpus) * 6;
  }

  private directMapWord(frame: number): number {
    const { memory, linux } = this.scene.machine;
    const page = direct_map(frame);
    let table = linux.mms.pgd[INIT_MM]!;
    for (let level = 4; level > 1; level--)
      table = memory.frame(table, Math.floor(page / LEVEL_PAGES[level]!) % 512);
    return memory.at(table, page % 512) + 1;
  }

  store(to: Uint8Array, at: number): void {
    this.buf = to;
    this.p = at;
    this.storing = true;
    for (const frame of this.l3s) this.nameOf[frame] = 0;
    this.named = this.firstL3 - 1;
    this.code();
    if (this.stateBytes === 0) return;
    const end = at + this.stateBytes;
    if (this.p > end)
      throw new RangeError(`Codec: a state takes ${this.p - at} bytes of ${this.stateBytes}; raise slack()`);
    to.fill(0, this.p, end);
  }

  load(from: Uint8Array, at: number): void {
    this.buf = from;
    this.p = at;
    this.storing = false;
    this.named = this.firstL3 - 1;
    for (let i = 0; i < this.l3s.length; i++) this.frameOf[this.firstL3 + i] = this.l3s[i]!;
    this.code();
    this.freeTheRest();
  }

  private code(): void {
    const { machine, bounds } = this.scene;
    const { linux, xen } = machine;
    const { regs } = this;
    const { tasks, mms } = linux;
    for (let mm = 1; mm <= bounds.mms; mm++) {
      this.i32(mms.mm_users, mm);
      this.i32(mms.mm_count, mm);
      this.u32(mms.cpumask, mm);
      this.u16(mms.page_table_lock, mm);
      this.i32(mms.nr_puds, mm);
      this.i32(mms.tlb_flush_pending, mm);
      this.u8(regs.mapped, mm);
      if (!this.storing) mms.tlb_gen[mm] = GENERATION;
    }
    for (let task = 0; task < firstThread(bounds) + bounds.threads; task++) {
      this.i32(tasks.mm, task, -1);
      this.i32(tasks.active_mm, task, -1);
      this.i32(tasks.on_cpu, task, -1);
      if (task < firstThread(bounds)) continue;
      this.u8(tasks.lazy_mmu, task);
      this.u8(regs.opsLeft, task);
    }
    this.i32(mms.mm_count, INIT_MM);
    this.u16(mms.page_table_lock, INIT_MM);
    this.u8(regs.seen, 0);
    for (const l4 of this.l4s) {
      this.u32(xen.frames.typeCount, l4);
      this.u32(xen.frames.count, l4);
      this.i16(xen.frames.linear_pt_count, l4);
      this.u16(xen.frames.l4_owner, l4);
      for (let slot = 0; slot < bounds.slots; slot++) this.entry(l4, slot);
    }
    for (let cpu = 0; cpu < bounds.vcpus; cpu++) this.cpu(cpu);
    this.clock();
    if (linux.top instanceof PerVcpu) {
      for (let cpu = 0; cpu < bounds.vcpus; cpu++) {
        this.i32(linux.top.mirrored, cpu);
        this.i32(linux.top.left, cpu);
        this.u8(linux.top.based, cpu);
      }
    }
    // in the order of their names: what is met above, then what only Xen still knows
    for (let n = this.firstL3; n <= this.named; n++) this.l3(this.frameOf[n]!);
    this.strays();
  }

  private entry(l4: number, slot: number): void {
    const { memory } = this.scene.machine;
    if (this.storing) {
      const present = (memory.flags(l4, slot) & _PAGE_PRESENT) !== 0;
      this.buf[this.p++] = present ? this.name(memory.frame(l4, slot)) : 0;
    } else {
      const frame = this.meet(this.buf[this.p++]!);
      // a linear entry is read-only
      memory.set(l4, slot, frame, frame === 0 ? 0 : this.isL4(frame) ? L4E & ~_PAGE_RW : L4E);
    }
  }

  private cpu(cpu: number): void {
    const { machine, bounds } = this.scene;
    const { percpu, regs: sw, fault, pud, gather } = machine.linux;
    const { vcpus, pcpus } = machine.xen;
    const { regs } = this;
    this.i32(percpu.current, cpu);
    this.i32(percpu.loaded_mm, cpu, LOADED_MM_SWITCHING);
    this.u8(percpu.is_lazy, cpu);
    this.frame(percpu.xen_cr3, cpu);
    this.frame(percpu.xen_current_cr3, cpu);
    this.u8(percpu.lazy_mode, cpu);
    this.u8(percpu.in_user, cpu);
    this.frame(vcpus.guest_table, cpu);
    this.frame(vcpus.guest_table_user, cpu);
    this.frame(vcpus.claimed, cpu);
    this.u8(vcpus.kernel_mode, cpu);
    this.u8(vcpus.blocked, cpu);
    this.frame(vcpus.old_guest_table, cpu);
    this.frame(vcpus.old_guest_ptpg, cpu);
    this.u8(vcpus.old_guest_table_partial, cpu);
    this.frame(pcpus.xen_cr3, cpu);
    this.frame(pcpus.guest_cr3, cpu);
    this.u8(pcpus.root_pgt_changed, cpu);
    this.frame(vcpus.l4_window, cpu);
    this.i32(pcpus.vcpu, cpu, -1);
    this.u8(pcpus.dirty, cpu);
    this.u8(regs.path, cpu);
    this.u8(regs.pc, cpu);
    this.u8(regs.access, cpu);
    this.u8(regs.reads, cpu);
    for (let slot = 0; slot < bounds.slots; slot++) this.frame(regs.tlb, cpu * bounds.slots + slot);
    const path = regs.path[cpu]!;
    const inSwitch = path === PATH_SWITCH;
    if (inSwitch) {
      this.i32(sw.next_mm, cpu, -1);
      this.i32(sw.next_task, cpu, -1);
      this.i32(sw.prev_task, cpu, -1);
      this.i32(sw.prev_mm, cpu, -1);
      this.i32(sw.real_prev, cpu, LOADED_MM_SWITCHING);
      this.frame(sw.pgd, cpu);
      this.generation(sw.next_gen, cpu, this.loadsLater(cpu) ? sw.next_mm[cpu]! : -1);
      this.i32(sw.load_mm, cpu);
    }
    const loaded = percpu.loaded_mm[cpu]!;
    this.generation(percpu.loaded_gen, cpu, loaded === LOADED_MM_SWITCHING ? sw.next_mm[cpu]! : loaded);
    if (path === PATH_FAULT) {
      this.pages(fault.page, cpu);
      this.u8(fault.error, cpu);
      this.u8(fault.result, cpu);
    }
    if (path === PATH_FAULT || path === PATH_MUNMAP) {
      this.i32(pud.mm, cpu);
      this.pages(pud.page, cpu);
      this.frame(pud.table, cpu);
    }
    if (path !== PATH_MUNMAP) {
      if (!this.storing) gather.batch[cpu] = gather.tables[cpu] = gather.cleared[cpu] = 0;
    } else {
      this.i32(gather.mm, cpu);
      this.u8(gather.cleared, cpu);
      this.u32(gather.tables, cpu);
      this.frame32(gather.batch, cpu);
      if (!this.storing) {
        gather.last[cpu] = gather.batch[cpu]!;
        machine.linux.pages.next[gather.batch[cpu]!] = 0;
        gather.fullmm[cpu] = 0;
        const page = pud.page[cpu]!;
        gather.start[cpu] = gather.cleared[cpu] === 0 ? Infinity : page;
        gather.end[cpu] = gather.cleared[cpu] === 0 ? 0 : page + 1;
      }
    }
    this.calls(cpu);
  }

  /** switch_mm_irqs_off() has read next_tlb_gen, and loads in a step of its own. */
  private loadsLater(cpu: number): boolean {
    return this.scene.machine.linux.top instanceof PerVcpu && this.regs.pc[cpu] === LOAD_NEW_MM_CR3;
  }

  /** A page number that begins a slot. */
  private pages(row: Float64Array, cpu: number): void {
    if (this.storing) this.buf[this.p++] = Math.floor(row[cpu]! / LEVEL_PAGES[4]);
    else row[cpu] = this.buf[this.p++]! * LEVEL_PAGES[4];
  }

  /** How far `row` is behind mm's tlb_gen. */
  private generation(row: Float64Array, cpu: number, mm: number): void {
    const { tlb_gen } = this.scene.machine.linux.mms;
    if (mm < INIT_MM) {
      if (this.storing) this.buf[this.p] = 0;
      this.p++;
    } else if (this.storing) this.buf[this.p++] = Math.min(MAX_BEHIND, tlb_gen[mm]! - row[cpu]!);
    else row[cpu] = tlb_gen[mm]! - this.buf[this.p++]!;
  }

  /** Times of the pCPUs' last full flush, in their order; stamps are written as how many of them are older. */
  private clock(): void {
    const { tlbflush_time, tlbflush_clock } = this.scene.machine.xen.pcpus;
    const { vcpus } = this.scene.bounds;
    for (let pcpu = 0; pcpu < vcpus; pcpu++) {
      if (this.storing) {
        let rank = 1;
        for (let other = 0; other < vcpus; other++) if (tlbflush_time[other]! < tlbflush_time[pcpu]!) rank++;
        this.buf[this.p++] = rank;
      } else tlbflush_time[pcpu] = this.buf[this.p++]!;
    }
    if (!this.storing) tlbflush_clock[0] = vcpus + 1;
  }

  private stamp(frame: number): void {
    const { tlbflush_timestamp } = this.scene.machine.xen.frames;
    const { tlbflush_time } = this.scene.machine.xen.pcpus;
    if (this.storing) {
      let older = 0;
      for (let pcpu = 0; pcpu < this.scene.bounds.vcpus; pcpu++)
        if (tlbflush_time[pcpu]! <= tlbflush_timestamp[frame]!) older++;
      this.buf[this.p++] = older;
    } else tlbflush_timestamp[frame] = this.buf[this.p++]!;
  }

  private l3(frame: number): void {
    const { machine } = this.scene;
    const { frames } = machine.xen;
    const { pages } = machine.linux;
    this.u8(pages.flags, frame);
    this.i32(pages.refcount, frame);
    this.u8(frames.type, frame);
    this.u8(frames.typeFlags, frame);
    this.u32(frames.typeCount, frame);
    this.u32(frames.count, frame);
    if (frames.typeCount[frame] === 0) this.stamp(frame);
    const { words } = machine.memory;
    const word = this.rwWord[frame]!;
    this.cell[0] = words[word]! & _PAGE_RW;
    this.i32(this.cell, 0);
    if (!this.storing) words[word] = (words[word]! & ~_PAGE_RW) | this.cell[0];
  }

  /** Frames that nobody names, and that are not as a free frame is: leaked, in Linux or in Xen. */
  private strays(): void {
    if (this.storing) {
      let strays = 0;
      const at = this.p++;
      for (const frame of this.l3s) {
        if (this.nameOf[frame] !== 0 || this.isFree(frame)) continue;
        this.name(frame);
        this.l3(frame);
        strays++;
      }
      this.buf[at] = strays;
      return;
    }
    const strays = this.buf[this.p++]!;
    for (let i = 0; i < strays; i++) this.l3(this.meet(this.named + 1));
  }

  private isFree(frame: number): boolean {
    const { frames } = this.scene.machine.xen;
    const { pages } = this.scene.machine.linux;
    return (
      pages.refcount[frame] === 0 &&
      pages.flags[frame] === 0 &&
      frames.type[frame] === PGT_writable_page &&
      frames.typeCount[frame] === 1 &&
      frames.count[frame] === 2
    );
  }

  /** Frames without a name are free, in ascending order. */
  private freeTheRest(): void {
    const { machine } = this.scene;
    const { frames } = machine.xen;
    const { pages } = machine.linux;
    const { words } = machine.memory;
    let next = -1;
    for (let i = this.l3s.length - 1; i >= 0; i--) {
      const frame = this.l3s[i]!;
      if (this.firstL3 + i > this.named) {
        pages.flags[frame] = 0;
        pages.refcount[frame] = 0;
        frames.type[frame] = PGT_writable_page;
        frames.typeFlags[frame] = PGT_validated;
        frames.typeCount[frame] = 1;
        frames.count[frame] = 2;
        words[this.rwWord[frame]!]! |= _PAGE_RW;
      } else if (pages.refcount[frame] !== 0) continue;
      pages.next[frame] = next;
      next = frame;
    }
    pages.heads[0] = next;
    pages.heads[2] = this.scene.pool[1];
  }
}
