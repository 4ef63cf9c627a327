/**
 * A machine's changeable part in few bytes, and back.
 *
 * Fields are named once, in lists (cells.ts) that are written and read alike. What is dead is left out: registers of a path that
 * does not run, calls that were made. What matters only in comparison is written as the comparison: generations of a flush,
 * and who was flushed since an L3 was last used. L3 tables are named in the order in which they are met, and free ones not at all, so
 * that states which differ only in which frame is which have equal bytes. Everything else is the same in all states of a
 * scene, or is read by nobody; test/experiments/check/codec.test.ts compares machines that went on with those that were
 * written and read back.
 *
 * A state has a name per renaming (renaming.ts). storeLeast() compares those alone that put vCPUs, threads and slots in an order
 * that can be told beforehand (order-keys.ts).
 */
import { LEVEL_PAGES } from "../../abi/page.js";
import { INIT_MM } from "../../linux-mm-model/mm-struct.js";
import { PerVcpu } from "../../linux-mm-model/top-level/per-vcpu.js";
import { CallCodec } from "./call-codec.js";
import { Cells, CPU, CPUS, HOLDER, MM, SLOT, SLOT1, SLOTS, TASK } from "./cells.js";
import { FlushSets } from "./flush-sets.js";
import { FrameNames } from "./frame-names.js";
import { Generations } from "./generations.js";
import { countsAtRest, rename } from "./l4-roles.js";
import type { L4Pool } from "./l4-pool.js";
import { LifeRest } from "./life-rest.js";
import { lifeCells, plugCells, readBatch, readCall, writeBatch, writeCall } from "./life-cells.js";
import { L3Codec } from "./l3-codec.js";
import { L4Codec } from "./l4-codec.js";
import { OrderKeys } from "./order-keys.js";
import { cellsOfPaths, type PathCells } from "./path-cells.js";
import { Places, placesOf } from "./places.js";
import {
  hasLifeRegisters,
  type PvRegisters,
  PATH_FAULT,
  PATH_FORK,
  PATH_MUNMAP,
  switches,
} from "./registers.js";
import { type Renaming, renamings } from "./renaming.js";
import { firstThread } from "./bounds.js";
import { type Scene } from "./scene.js";

/** One name of a state: in which order its parts are written, and under which names. */
interface Naming extends Renaming {
  readonly fixed: Cells;
  /** L4s that come and go. */
  readonly pool: readonly number[];
  readonly names: FrameNames;
  readonly calls: CallCodec;
}

export class Codec {
  readonly stateBytes: number;
  /** Names that a state has besides the first. */
  readonly symmetries: number;
  private readonly comeAndGo: boolean;
  private readonly namings: readonly Naming[];
  private readonly pathCells: readonly PathCells[];
  private readonly keys: OrderKeys;
  private readonly l3Codec: L3Codec;
  private readonly l4Codec: L4Codec;
  private readonly generations: Generations;
  private readonly flushSets: FlushSets;
  private readonly rest: LifeRest | undefined;
  private readonly counts: ReadonlyMap<number, { readonly type: number; readonly general: number }>;
  /** What reload() puts back: what all have, what each vCPU has, and its calls, where it made any. */
  private readonly shared: Places;
  private readonly own: readonly Places[];
  private readonly ownCalls: readonly Places[];
  private readonly madeCalls: boolean[] = [];
  private readonly other: Uint8Array;

  constructor(
    private readonly scene: Scene,
    private readonly regs: PvRegisters,
    private readonly l4Pool: L4Pool,
    symmetric = false,
  ) {
    const { machine, bounds, pool, more } = scene;
    this.comeAndGo = bounds.comeAndGo === true;
    const l4s = [
      ...scene.l4s,
      ...more.map((frame, i) => ({ frame, what: `more ${i}`, mm: -1, task: -1, vcpu: -1 })),
    ];
    const isL4 = new Set(l4s.map(({ frame }) => frame));
    const l3s = Array.from({ length: pool[1] - pool[0] }, (_, i) => pool[0] + i).filter((f) => !isL4.has(f));
    this.generations = new Generations(scene, regs);
    this.flushSets = new FlushSets(scene);
    this.l3Codec = new L3Codec(scene, l3s, this.flushSets);
    this.l4Codec = new L4Codec(scene, l4Pool.frames, this.flushSets);
    this.counts = countsAtRest(machine, l4s);
    this.rest = this.comeAndGo ? new LifeRest(scene, regs, l4Pool.frames) : undefined;
    this.pathCells = Array.from({ length: bounds.vcpus }, (_, cpu) => cellsOfPaths(scene, cpu));
    this.namings = renamings(bounds, symmetric).map((renaming) => {
      const order = l4s.map((l4) => rename(l4s, l4, renaming));
      const names = new FrameNames(machine.config.geometry.nrFrames, order, l3s);
      return {
        ...renaming,
        names,
        pool: order.filter((frame) => l4Pool.has[frame] !== 0),
        fixed: this.fixedCells(renaming, order),
        calls: new CallCodec(scene, regs, names),
      };
    });
    this.keys = new OrderKeys(scene, regs, this.namings);
    this.symmetries = this.namings.length - 1;
    const { buffer } = machine.state;
    this.shared = new Places(buffer, this.sharedPlaces());
    this.own = this.pathCells.map((_, cpu) => new Places(buffer, this.ownPlaces(cpu)));
    const { calls } = this.namings[0]!;
    this.ownCalls = this.pathCells.map((_, cpu) => new Places(buffer, calls.placesOfCalls(cpu)));
    this.stateBytes = this.write(this.namings[0]!, new Uint8Array(4096), 0) + this.slack();
    this.other = new Uint8Array(this.stateBytes);
  }

  store(to: Uint8Array, at: number): void {
    this.storeAs(0, to, at);
  }

  storeAs(symmetry: number, to: Uint8Array, at: number): void {
    const end = at + this.stateBytes;
    const p = this.write(this.namings[symmetry]!, to, at);
    if (p > end)
      throw new RangeError(`Codec: a state takes ${p - at} bytes of ${this.stateBytes}; raise slack()`);
    to.fill(0, p, end);
  }

  /** The least of the state's names, by bytes, among those that keep the order of the keys. */
  storeLeast(to: Uint8Array, at: number): void {
    const { keys, namings, other, stateBytes } = this;
    keys.look();
    let stored = false;
    for (let s = 0; s < namings.length; s++) {
      if (!keys.isInOrder(s)) continue;
      if (!stored) {
        this.storeAs(s, to, at);
        stored = true;
        continue;
      }
      this.storeAs(s, other, 0);
      let i = 0;
      while (i < stateBytes && other[i] === to[at + i]) i++;
      if (i < stateBytes && other[i]! < to[at + i]!) to.set(other, at);
    }
  }

  load(from: Uint8Array, at: number): void {
    const { namings, pathCells, regs } = this;
    const { names, fixed, pool, calls } = namings[0]!;
    names.beginReading();
    this.flushSets.begin();
    let p = fixed.read(from, at, names);
    p = this.l4Codec.read(pool, names, from, p);
    this.fixTheRest();
    for (let cpu = 0; cpu < pathCells.length; cpu++) {
      const { inSwitch, inFault, inPud, inMunmap, inLife } = pathCells[cpu]!;
      const path = regs.path[cpu]!;
      if (switches(path)) p = inSwitch.read(from, p, names);
      if (this.comeAndGo) {
        if (hasLifeRegisters(path)) p = inLife.read(from, p, names);
        p = readCall(this.scene, cpu, from, p, names);
      }
      p = this.generations.read(cpu, from, p);
      if (path === PATH_FAULT) {
        p = inFault.read(from, p, names);
        this.scene.machine.linux.fault.page[cpu] = from[p++]! * LEVEL_PAGES[4];
      }
      if (path === PATH_FAULT || path === PATH_MUNMAP) {
        p = inPud.read(from, p, names);
        this.scene.machine.linux.pud.page[cpu] = from[p++]! * LEVEL_PAGES[4];
      }
      const gathers = path === PATH_MUNMAP || path > PATH_FORK;
      if (gathers) p = inMunmap.read(from, p, names);
      this.fixGather(cpu, gathers);
      if (gathers) p = readBatch(this.scene, cpu, from, p, names);
      p = calls.read(cpu, from, p);
    }
    this.l3Codec.read(names, from, p);
    this.keep();
  }

  /** Make the state that load() read last the current one again, behind actions of `vcpu`. */
  reload(vcpu: number): void {
    this.shared.putBack();
    this.l4Codec.putBack();
    this.rest?.fixCounts();
    this.own[vcpu]!.putBack();
    if (this.madeCalls[vcpu]!) this.ownCalls[vcpu]!.putBack();
  }

  private keep(): void {
    const { own, ownCalls, madeCalls } = this;
    const { calls } = this.namings[0]!;
    this.shared.keep();
    this.l4Codec.keep();
    for (let vcpu = 0; vcpu < own.length; vcpu++) {
      own[vcpu]!.keep();
      madeCalls[vcpu] = calls.makesCalls(vcpu);
      if (madeCalls[vcpu]) ownCalls[vcpu]!.keep();
    }
  }

  private write(naming: Naming, to: Uint8Array, at: number): number {
    const { names, fixed, pool, calls, vcpus, slots, map } = naming;
    const { pathCells, regs } = this;
    const { fault, pud } = this.scene.machine.linux;
    names.beginWriting();
    let p = fixed.write(to, at, map, names);
    p = this.l4Codec.write(pool, slots, names, to, p, map);
    for (let n = 0; n < vcpus.length; n++) {
      const cpu = vcpus[n]!;
      const { inSwitch, inFault, inPud, inMunmap, inLife } = pathCells[cpu]!;
      const path = regs.path[cpu]!;
      if (switches(path)) p = inSwitch.write(to, p, map, names);
      if (this.comeAndGo) {
        if (hasLifeRegisters(path)) p = inLife.write(to, p, map, names);
        p = writeCall(this.scene, cpu, to, p, map, names);
      }
      p = this.generations.write(cpu, to, p);
      if (path === PATH_FAULT) {
        p = inFault.write(to, p, map, names);
        to[p++] = map[SLOT + Math.floor(fault.page[cpu]! / LEVEL_PAGES[4])]!;
      }
      if (path === PATH_FAULT || path === PATH_MUNMAP) {
        p = inPud.write(to, p, map, names);
        to[p++] = map[SLOT + Math.floor(pud.page[cpu]! / LEVEL_PAGES[4])]!;
      }
      if (path === PATH_MUNMAP || path > PATH_FORK) {
        p = inMunmap.write(to, p, map, names);
        p = writeBatch(this.scene, cpu, to, p, names);
      }
      p = calls.write(cpu, to, p, map);
    }
    return this.l3Codec.write(names, to, p, map);
  }

  /** What every state has, in the order of `renaming`; L4s in `order`. */
  private fixedCells(renaming: Renaming, order: readonly number[]): Cells {
    const { vcpus, tasks: taskOrder, mms: mmOrder, slots } = renaming;
    const { machine, bounds } = this.scene;
    const { linux, xen, memory } = machine;
    const { regs } = this;
    const { tasks, mms, percpu } = linux;
    const c = new Cells(machine.state.buffer);
    for (const mm of mmOrder) {
      c.i32(mms.mm_users, mm);
      c.i32(mms.mm_count, mm);
      c.i32(mms.cpumask, mm, CPUS);
      c.u8(mms.page_table_lock, mm, HOLDER);
      c.i32(mms.nr_puds, mm);
      c.i32(mms.tlb_flush_pending, mm);
      c.u8(regs.mapped, mm, SLOTS);
    }
    for (const task of taskOrder) {
      c.i32(tasks.mm, task, MM);
      c.i32(tasks.active_mm, task, MM);
      c.i32(tasks.on_cpu, task, CPU);
      if (task < firstThread(bounds)) continue;
      c.u8(tasks.lazy_mmu, task);
      c.u8(regs.opsLeft, task);
    }
    c.i32(mms.mm_count, INIT_MM);
    c.u8(mms.page_table_lock, INIT_MM, HOLDER);
    c.u8(regs.seen, 0);
    for (const l4 of order) {
      if (this.l4Pool.has[l4] !== 0) continue; // l4-codec.ts
      const { type, general } = this.counts.get(l4)!;
      c.i32(xen.frames.typeCount, l4, 0, type);
      c.i32(xen.frames.count, l4, 0, general);
      c.i16(xen.frames.linear_pt_count, l4);
      c.u8(xen.frames.l4_owner, l4, HOLDER);
      for (const slot of slots) c.entry(memory.words, memory.at(l4, slot));
    }
    const { vcpus: v, pcpus } = xen;
    for (const cpu of vcpus) {
      c.i32(percpu.current as Int32Array, cpu, TASK);
      c.i32(percpu.loaded_mm as Int32Array, cpu, MM);
      c.u8(percpu.is_lazy, cpu);
      c.frame(percpu.xen_cr3, cpu);
      c.frame(percpu.xen_current_cr3, cpu);
      c.u8(percpu.lazy_mode, cpu);
      c.u8(percpu.in_user, cpu);
      c.frame(v.guest_table, cpu);
      c.frame(v.guest_table_user, cpu);
      c.frame(v.claimed, cpu);
      c.u8(v.kernel_mode, cpu);
      c.u8(v.blocked, cpu);
      c.frame(v.old_guest_table, cpu);
      c.frame(v.old_guest_ptpg, cpu);
      c.u8(v.old_guest_table_partial, cpu);
      c.frame(pcpus.xen_cr3 as Uint32Array, cpu);
      c.frame(pcpus.guest_cr3 as Uint32Array, cpu);
      c.u8(pcpus.root_pgt_changed, cpu);
      c.frame(v.l4_window, cpu);
      c.i32(pcpus.vcpu, cpu, CPU);
      c.u8(pcpus.dirty, cpu);
      c.u8(regs.path, cpu);
      c.u8(regs.pc, cpu);
      c.u8(regs.access, cpu, SLOT1);
      c.u8(regs.reads, cpu);
      for (const slot of slots) c.frame(regs.tlb, cpu * bounds.slots + slot);
      if (!(linux.top instanceof PerVcpu)) continue;
      c.i32(linux.top.mirrored, cpu, MM);
      c.i32(linux.top.left, cpu, MM);
      c.u8(linux.top.based, cpu);
    }
    if ((bounds.hotplugs ?? 0) > 0) plugCells(c, this.scene, regs, renaming);
    if (this.comeAndGo) lifeCells(c, this.scene, regs, renaming);
    return c;
  }

  /** What follows from a gather's fields, or is dead. */
  private fixGather(cpu: number, open: boolean): void {
    const { gather, pages, pud } = this.scene.machine.linux;
    if (!open) gather.batch[cpu] = gather.tables[cpu] = gather.cleared[cpu] = 0;
    const batch = gather.batch[cpu]!;
    gather.last[cpu] = batch;
    pages.next[batch] = 0;
    gather.fullmm[cpu] = 0;
    const isCleared = gather.cleared[cpu] !== 0;
    gather.start[cpu] = isCleared ? pud.page[cpu]! : Infinity;
    gather.end[cpu] = isCleared ? pud.page[cpu]! + 1 : 0;
  }

  private fixTheRest(): void {
    this.generations.fix();
    this.rest?.fix();
  }

  private sharedPlaces(): number[] {
    const { machine, bounds } = this.scene;
    const { linux } = machine;
    const { mms, percpu, pages } = linux;
    return [
      ...this.namings[0]!.fixed.places(),
      ...placesOf(mms.tlb_gen, 1, bounds.mms + 1),
      ...placesOf(percpu.loaded_gen, 0, bounds.vcpus),
      ...placesOf(pages.next, 0, 1),
      ...this.l3Codec.places(),
      ...this.flushSets.places(),
      ...(this.rest?.places() ?? []),
    ];
  }

  private ownPlaces(cpu: number): number[] {
    const { linux } = this.scene.machine;
    const { fault, pud, gather, regs: sw } = linux;
    const rows = [fault.page, pud.page, sw.next_gen, gather.last, gather.fullmm, gather.start, gather.end];
    const { inSwitch, inFault, inPud, inMunmap, inLife } = this.pathCells[cpu]!;
    return [
      ...rows.flatMap((row) => placesOf(row, cpu, cpu + 1)),
      ...[inSwitch, inFault, inPud, inMunmap, inLife].flatMap((list) => list.places()),
      ...this.namings[0]!.calls.places(cpu),
    ];
  }

  /** Room for what the initial state does not have: registers, calls, L3s, L4s in use. */
  private slack(): number {
    const { vcpus, slots, mms } = this.scene.bounds;
    const free = this.namings[0]!.pool.filter((l4) => this.l4Codec.isFree(l4)).length;
    return vcpus * (this.comeAndGo ? 128 : 64) + (mms * slots + vcpus) * 8 + free * this.l4Codec.bytesInUse;
  }
}
