/**
 * The L3 tables of a checked state: what Linux and Xen keep of each that is named, and a free list of all others.
 */
import { _PAGE_RW, LEVEL_PAGES } from "../../abi/page.js";
import { INIT_MM } from "../../linux-mm-model/mm-struct.js";
import type { Machine } from "../../machine/machine.js";
import { direct_map } from "../../linux-mm-model/xen/prot.js";
import { PGT_validated, PGT_writable_page } from "../../xen-model/frame-table.js";
import { Cells, CPUS } from "./cells.js";
import type { FlushSets } from "./flush-sets.js";
import type { FrameNames } from "./frame-names.js";
import { placesOf } from "./places.js";
import type { Scene } from "./scene.js";

/** In PageTable.heads: the free tables, and the first that was never used. */
const FREE = 0;
const NEVER_USED = 2;

export class L3Codec {
  private readonly cells: ReadonlyMap<number, Cells>;
  /** Word in memory of the flags of each frame's PTE in the direct map. */
  private readonly rwWord: Uint32Array;
  private readonly used: Uint8Array;

  constructor(
    private readonly scene: Scene,
    private readonly l3s: readonly number[],
    private readonly flushSets: FlushSets,
  ) {
    const { machine, pool } = scene;
    const { frames } = machine.xen;
    const { pages } = machine.linux;
    this.rwWord = Uint32Array.from({ length: pool[1] }, (_, f) =>
      f < pool[0] ? 0 : directMapWord(machine, f),
    );
    this.used = new Uint8Array(pool[1]);
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

  /** Places of the frames' fields, and of the free list. */
  places(): number[] {
    const { machine } = this.scene;
    const { pages } = machine.linux;
    const { frames } = machine.xen;
    return [
      ...[...this.cells.values()].flatMap((c) => c.places()),
      ...this.l3s.flatMap((f) => placesOf(pages.next, f, f + 1)),
      ...this.l3s.flatMap((f) => placesOf(frames.tlbflush_timestamp, f, f + 1)),
      ...this.l3s.flatMap((f) => placesOf(machine.memory.words, this.rwWord[f]!, this.rwWord[f]! + 1)),
      ...placesOf(pages.heads, 0, 4),
    ];
  }

  /** Write the frames that have a name, in the order of these, then those that are neither named nor free. */
  write(names: FrameNames, to: Uint8Array, at: number, map: Uint8Array): number {
    let p = at;
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

  private writeL3(frame: number, names: FrameNames, to: Uint8Array, at: number, map: Uint8Array): number {
    const { machine } = this.scene;
    if (!this.cells.has(frame))
      throw new RangeError(`L3Codec: frame ${frame} is no L3 of the scene; see l4sOfScene()`);
    let p = this.cells.get(frame)!.write(to, at, map, names);
    to[p++] = machine.memory.words[this.rwWord[frame]!]! & _PAGE_RW;
    if (machine.xen.frames.typeCount[frame] === 0) to[p++] = map[CPUS + this.flushSets.of(frame)]!;
    return p;
  }

  read(names: FrameNames, from: Uint8Array, at: number): void {
    this.used.fill(0);
    let p = at;
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
    this.flushSets.read(frame, from[p++]!);
    return p;
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
