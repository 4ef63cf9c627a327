/**
 * The L4s of a checked state that come and go: of one that is free that it is, of others what Linux and Xen know of its frame, and
 * its entries of user slots.
 */
import { _PAGE_PRESENT, _PAGE_RW } from "../../abi/page.js";
import { _PAGE_TABLE } from "../../linux-mm-model/xen/prot.js";
import { PGT_validated, PGT_writable_page } from "../../xen-model/frame-table.js";
import { CPUS, HOLDER } from "./cells.js";
import type { FlushSets } from "./flush-sets.js";
import type { FrameNames } from "./frame-names.js";
import { directMapWord } from "./l3-codec.js";
import { Places, placesOf } from "./places.js";
import type { Scene } from "./scene.js";

/** References of a frame that Linux has free: Xen's general one, and that of the direct map's PTE, which is one to write, too. */
const COUNT_OF_FREE = 2;
const TYPE_COUNT_OF_FREE = 1;

export class L4Codec {
  /** Of each frame: what putBack() restores, and whether it was in use when keep() was called. */
  private readonly places: readonly Places[];
  private readonly wasUsed: Uint8Array;

  /** By frame: word in memory of the flags of its PTE in the direct map. */
  private readonly rwWord: Uint32Array;

  constructor(
    private readonly scene: Scene,
    private readonly l4s: readonly number[],
    private readonly flushSets: FlushSets,
  ) {
    const { machine, bounds } = scene;
    const { pages } = machine.linux;
    const { frames } = machine.xen;
    const rows = [
      ...[pages.flags, pages.refcount, pages.private, frames.type, frames.typeFlags, frames.typeCount],
      ...[frames.count, frames.linear_pt_count, frames.l4_owner, frames.tlbflush_timestamp],
    ];
    const { words } = machine.memory;
    this.rwWord = new Uint32Array(frames.nrFrames);
    for (const l4 of l4s) this.rwWord[l4] = directMapWord(machine, l4);
    this.wasUsed = new Uint8Array(l4s.length);
    this.places = l4s.map((l4) => {
      const first = machine.memory.at(l4, 0);
      return new Places(machine.state.buffer, [
        ...rows.flatMap((row) => placesOf(row, l4, l4 + 1)),
        ...placesOf(words, first, first + 2 * bounds.slots),
        ...placesOf(words, this.rwWord[l4]!, this.rwWord[l4]! + 1),
      ]);
    });
  }

  /** Bytes that one in use takes more than a free one, at most. */
  get bytesInUse(): number {
    return 11 + this.scene.bounds.slots;
  }

  /** As all free L4s are? */
  isFree(l4: number): boolean {
    const { linux, xen, memory } = this.scene.machine;
    const { pages } = linux;
    const { frames } = xen;
    if (pages.refcount[l4] !== 0 || pages.flags[l4] !== 0 || pages.private[l4] !== 0) return false;
    if (frames.type[l4] !== PGT_writable_page || frames.typeFlags[l4] !== PGT_validated) return false;
    if (frames.typeCount[l4] !== TYPE_COUNT_OF_FREE || frames.count[l4] !== COUNT_OF_FREE) return false;
    if (frames.linear_pt_count[l4] !== 0 || frames.l4_owner[l4] !== 0) return false;
    if ((memory.words[this.rwWord[l4]!]! & _PAGE_RW) === 0) return false;
    for (let slot = 0; slot < this.scene.bounds.slots; slot++)
      if ((memory.flags(l4, slot) & _PAGE_PRESENT) !== 0) return false;
    return true;
  }

  private setFree(l4: number): void {
    const { linux, xen, memory } = this.scene.machine;
    const { pages } = linux;
    const { frames } = xen;
    pages.refcount[l4] = pages.flags[l4] = pages.private[l4] = 0;
    frames.type[l4] = PGT_writable_page;
    frames.typeFlags[l4] = PGT_validated;
    frames.typeCount[l4] = TYPE_COUNT_OF_FREE;
    frames.count[l4] = COUNT_OF_FREE;
    frames.linear_pt_count[l4] = frames.l4_owner[l4] = 0;
    memory.words[this.rwWord[l4]!]! |= _PAGE_RW;
    for (let slot = 0; slot < this.scene.bounds.slots; slot++) memory.set(l4, slot, 0, 0);
  }

  /** Write those of `order`, which has all, with their entries in the order of `slots`. */
  write(
    order: readonly number[],
    slots: readonly number[],
    names: FrameNames,
    to: Uint8Array,
    at: number,
    map: Uint8Array,
  ): number {
    const { linux, xen, memory } = this.scene.machine;
    const { pages } = linux;
    const { frames } = xen;
    const { words } = memory;
    let p = at;
    for (let i = 0; i < order.length; i++) {
      const l4 = order[i]!;
      if (this.isFree(l4)) {
        to[p++] = 0;
        continue;
      }
      const refcount = pages.refcount[l4]!;
      const typeCount = frames.typeCount[l4]!;
      const count = frames.count[l4]!;
      const linear = frames.linear_pt_count[l4]!;
      if (((refcount | typeCount | count | (linear + 128)) & ~0xff) !== 0)
        throw new RangeError(`L4Codec: a count of frame ${l4} is no byte; widen the field`);
      to[p++] = 1;
      to[p++] = pages.flags[l4]!;
      to[p++] = refcount;
      to[p++] = names.name(pages.private[l4]!);
      to[p++] = frames.type[l4]!;
      to[p++] = frames.typeFlags[l4]!;
      to[p++] = typeCount;
      to[p++] = count;
      to[p++] = linear;
      to[p++] = map[HOLDER + frames.l4_owner[l4]!]!;
      to[p++] = words[this.rwWord[l4]!]! & _PAGE_RW;
      if (typeCount === 0) to[p++] = map[CPUS + this.flushSets.of(l4)]!;
      const first = memory.at(l4, 0);
      for (let n = 0; n < slots.length; n++) {
        const entry = first + 2 * slots[n]!;
        to[p++] = (words[entry + 1]! & _PAGE_PRESENT) === 0 ? 0 : names.name(words[entry]!);
      }
    }
    return p;
  }

  /** Read what write() wrote without a renaming, of `order`. */
  read(order: readonly number[], names: FrameNames, from: Uint8Array, at: number): number {
    const { linux, xen, memory } = this.scene.machine;
    const { slots } = this.scene.bounds;
    const { pages } = linux;
    const { frames } = xen;
    const { words } = memory;
    let p = at;
    for (let i = 0; i < order.length; i++) {
      const l4 = order[i]!;
      if (from[p++] === 0) {
        if (!this.isFree(l4)) this.setFree(l4);
        continue;
      }
      pages.flags[l4] = from[p++]!;
      pages.refcount[l4] = from[p++]!;
      pages.private[l4] = names.meet(from[p++]!);
      frames.type[l4] = from[p++]!;
      frames.typeFlags[l4] = from[p++]!;
      frames.typeCount[l4] = from[p++]!;
      frames.count[l4] = from[p++]!;
      frames.linear_pt_count[l4] = (from[p++]! << 24) >> 24;
      frames.l4_owner[l4] = from[p++]!;
      const rw = this.rwWord[l4]!;
      words[rw] = (words[rw]! & ~_PAGE_RW) | from[p++]!;
      if (frames.typeCount[l4] === 0) this.flushSets.read(l4, from[p++]!);
      const first = memory.at(l4, 0);
      for (let slot = 0; slot < slots; slot++) {
        const frame = names.meet(from[p++]!);
        words[first + 2 * slot] = frame;
        // a linear entry is read-only
        words[first + 2 * slot + 1] =
          frame === 0 ? 0 : names.isL4(frame) ? _PAGE_TABLE & ~_PAGE_RW : _PAGE_TABLE;
      }
    }
    return p;
  }

  keep(): void {
    const { l4s, places, wasUsed } = this;
    for (let i = 0; i < l4s.length; i++) {
      wasUsed[i] = this.isFree(l4s[i]!) ? 0 : 1;
      if (wasUsed[i] !== 0) places[i]!.keep();
    }
  }

  putBack(): void {
    const { l4s, places, wasUsed } = this;
    for (let i = 0; i < l4s.length; i++) {
      if (wasUsed[i] !== 0) places[i]!.putBack();
      else if (!this.isFree(l4s[i]!)) this.setFree(l4s[i]!);
    }
  }
}
