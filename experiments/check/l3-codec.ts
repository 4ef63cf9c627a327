/**
 * The L3 tables of a checked state: what Linux and Xen keep of each that is named, and a free list of all others.
 *
 * Of Xen's TLB clock, what matters is who has to be flushed before a frame changes its type: the pCPUs that were not since its last
 * use under the type ended.
 */
import { _PAGE_RW, LEVEL_PAGES } from "../../abi/page.js";
import { INIT_MM } from "../../linux-mm-model/mm-struct.js";
import type { Machine } from "../../machine/machine.js";
import { direct_map } from "../../linux-mm-model/xen/prot.js";
import { PGT_validated, PGT_writable_page } from "../../xen-model/frame-table.js";
import { Cells, CPUS } from "./cells.js";
import type { FrameNames } from "./frame-names.js";
import { placesOf } from "./places.js";
import type { Scene } from "./scene.js";

/** In PageTable.heads: the free tables, and the first that was never used. */
const FREE = 0;
const NEVER_USED = 2;

export class L3Codec {
  private readonly cells: ReadonlyMap<number, Cells>;
  /** Word in memory of each frame's PTE in the direct map. */
  private readonly rwWord: Uint32Array;
  private readonly used: Uint8Array;
  private readonly isL4: Uint8Array;

  constructor(
    private readonly scene: Scene,
    private readonly l3s: readonly number[],
    private readonly l4s: readonly number[],
  ) {
    const { machine, pool } = scene;
    const { frames } = machine.xen;
    const { pages } = machine.linux;
    this.rwWord = Uint32Array.from({ length: pool[1] }, (_, f) =>
      f < pool[0] ? 0 : directMapWord(machine, f),
    );
    this.used = new Uint8Array(pool[1]);
    this.isL4 = new Uint8Array(machine.config.geometry.nrFrames);
    for (const l4 of l4s) this.isL4[l4] = 1;
    this.cells = new Map(
      l3s.map((frame) => {
        const c = new Cells(machine.state.buffer);
        c.u8(pages.flags, frame);
        c.u8(frames.type, frame);
        c.u8(frames.typeFlags, frame);
        c.i32(pages.refcount, frame);
        c.i32(frames.typeCount, frame);
        c.i32(frames.count, frame);
        return [frame, c];
      }),
    );
  }

  /** Places of the frames' fields, the free list and the clock. */
  places(): number[] {
    const { machine, bounds } = this.scene;
    const { pages } = machine.linux;
    const { frames, pcpus } = machine.xen;
    return [
      ...[...this.cells.values()].flatMap((c) => c.places()),
      ...this.l3s.flatMap((f) => placesOf(pages.next, f, f + 1)),
      ...this.l4s.flatMap((f) => placesOf(frames.tlbflush_timestamp, f, f + 1)),
      ...this.l3s.flatMap((f) => placesOf(frames.tlbflush_timestamp, f, f + 1)),
      ...[...this.l4s, ...this.l3s].flatMap((f) =>
        placesOf(machine.memory.words, this.rwWord[f]!, this.rwWord[f]! + 1),
      ),
      ...placesOf(pages.heads, 0, 4),
      ...placesOf(pcpus.tlbflush_time, 0, bounds.vcpus),
      ...placesOf(pcpus.tlbflush_clock, 0, 1),
    ];
  }

  /** Write the frames that have a name, in the order of these, then those that are neither named nor free. */
  write(names: FrameNames, to: Uint8Array, at: number, map: Uint8Array): number {
    let p = at;
    if (this.l4s.length > 0) p = this.writeL4s(names, to, p, map);
    for (let n = names.firstL3; n <= names.last; n++) p = this.writeL3(names.frame(n), names, to, p, map);
    const strays = p++;
    to[strays] = 0;
    for (let i = 0; i < this.l3s.length; i++) {
      const frame = this.l3s[i]!;
      if (names.isNamed(frame) || this.isFree(frame)) continue;
      names.name(frame);
      p = this.writeL3(frame, names, to, p, map);
      to[strays]!++;
    }
    return p;
  }

  /** L4s that come and go have fields of their own (life-cells.ts), but for who has to be flushed. */
  private writeL4s(names: FrameNames, to: Uint8Array, at: number, map: Uint8Array): number {
    const { typeCount } = this.scene.machine.xen.frames;
    const { words } = this.scene.machine.memory;
    let p = at;
    for (let n = 1; n < names.firstL3; n++) {
      const frame = names.frame(n);
      if (this.isL4[frame] === 0) continue;
      to[p++] = words[this.rwWord[frame]!]! & _PAGE_RW;
      if (typeCount[frame] === 0) to[p++] = map[CPUS + this.notFlushed(frame)]!;
    }
    return p;
  }

  private writeL3(frame: number, names: FrameNames, to: Uint8Array, at: number, map: Uint8Array): number {
    const { machine } = this.scene;
    if (!this.cells.has(frame))
      throw new RangeError(`L3Codec: frame ${frame} is no L3 of the scene; see l4sOfScene()`);
    let p = this.cells.get(frame)!.write(to, at, map, names);
    to[p++] = machine.memory.words[this.rwWord[frame]!]! & _PAGE_RW;
    if (machine.xen.frames.typeCount[frame] === 0) to[p++] = map[CPUS + this.notFlushed(frame)]!;
    return p;
  }

  /** pCPUs that have not been flushed since the frame's last use ended. */
  private notFlushed(frame: number): number {
    const { frames, pcpus } = this.scene.machine.xen;
    const stamp = frames.tlbflush_timestamp[frame]!;
    let mask = 0;
    for (let pcpu = 0; pcpu < this.scene.bounds.vcpus; pcpu++)
      if (pcpus.tlbflush_time[pcpu]! <= stamp) mask |= 1 << pcpu;
    return mask;
  }

  read(names: FrameNames, from: Uint8Array, at: number): void {
    const { machine } = this.scene;
    const { words } = machine.memory;
    const { tlbflush_time, tlbflush_clock } = this.scene.machine.xen.pcpus;
    const { vcpus } = this.scene.bounds;
    this.used.fill(0);
    tlbflush_time.fill(vcpus + 1, 0, vcpus);
    tlbflush_clock[0] = vcpus + 1;
    let p = at;
    for (let n = 1; n < names.firstL3 && this.l4s.length > 0; n++) {
      const frame = names.frame(n);
      if (this.isL4[frame] === 0) continue;
      const word = this.rwWord[frame]!;
      words[word] = (words[word]! & ~_PAGE_RW) | from[p++]!;
      if (machine.xen.frames.typeCount[frame] === 0) this.readNotFlushed(frame, from[p++]!);
    }
    for (let n = names.firstL3; n <= names.last; n++) p = this.readL3(names.frame(n), names, from, p);
    for (let strays = from[p++]!; strays > 0; strays--)
      p = this.readL3(names.meet(names.last + 1), names, from, p);
    this.freeTheRest();
  }

  private readL3(frame: number, names: FrameNames, from: Uint8Array, at: number): number {
    const { machine } = this.scene;
    const { frames } = machine.xen;
    let p = this.cells.get(frame)!.read(from, at, names);
    this.used[frame] = 1;
    const word = this.rwWord[frame]!;
    machine.memory.words[word] = (machine.memory.words[word]! & ~_PAGE_RW) | from[p++]!;
    if (frames.typeCount[frame] !== 0) return p;
    this.readNotFlushed(frame, from[p++]!);
    return p;
  }

  /** The sets are a chain: a stamp is as late as its set is large, and a pCPU's flush behind all stamps whose sets it is not in. */
  private readNotFlushed(frame: number, mask: number): void {
    const { machine, bounds } = this.scene;
    const { frames, pcpus } = machine.xen;
    let stamp = 0;
    for (let pcpu = 0; pcpu < bounds.vcpus; pcpu++) stamp += (mask >>> pcpu) & 1;
    frames.tlbflush_timestamp[frame] = stamp;
    for (let pcpu = 0; pcpu < bounds.vcpus; pcpu++) {
      if (((mask >>> pcpu) & 1) !== 0 && pcpus.tlbflush_time[pcpu]! > stamp)
        pcpus.tlbflush_time[pcpu] = stamp;
    }
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
    const { machine, pool } = this.scene;
    const { frames } = machine.xen;
    const { pages } = machine.linux;
    const { words } = machine.memory;
    let next = -1;
    for (let i = this.l3s.length - 1; i >= 0; i--) {
      const frame = this.l3s[i]!;
      if (this.used[frame] === 0) {
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
    pages.heads[FREE] = next;
    pages.heads[NEVER_USED] = pool[1];
  }
}

/** Word in memory of the flags of `frame`'s PTE in the direct map. */
export function directMapWord({ memory, linux }: Machine, frame: number): number {
  const page = direct_map(frame);
  let table = linux.mms.pgd[INIT_MM]!;
  for (let level = 4; level > 1; level--)
    table = memory.frame(table, Math.floor(page / LEVEL_PAGES[level]!) % 512);
  return memory.at(table, page % 512) + 1;
}
