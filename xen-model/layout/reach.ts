/**
 * Which frames a root maps: a walk of all of it, table by table, as ranges.
 *
 * What is below a table at a level is found once and kept, however many entries point there: the L3 tables of Xen's
 * slots are those of all L4s. An L4 itself is looked at anew each time, as roots are copied. The linear map needs nothing
 * of its own: there an L4 is walked as an L3, an L3 as an L2, an L2 as an L1, whose PSE bits then mean what they mean there.
 *
 * plain_reach() is the same by the processor's walk, page after page; a property test holds them equal.
 *
 * Mirrors: SDM vol. 3A, 4.5.
 * Differs: no reserved bits; tables other than roots do not change once what is below them was asked for, and nothing but
 *          a root points to that root.
 */
import type { Mfn, Vpn } from "../../abi/frames.js";
import type { PtMemory } from "../../abi/memory.js";
import { _PAGE_PRESENT, _PAGE_PSE, _PAGE_USER, LEVEL_PAGES, PTES } from "../../abi/page.js";
import { ACCESS_READ, WalkControl } from "../hw/control.js";
import { walk, Walk, WALK_OK } from "../hw/walk.js";
import { type Ranges, RangeSet } from "./ranges.js";

/** Frames mapped below a table. */
export interface Reach {
  /** With any rights. */
  readonly all: Ranges;
  /** With U/S set in every entry. */
  readonly user: Ranges;
  /** The first page mapped, from the table's first page on, and where to; undefined if nothing is. */
  readonly witness: { readonly page: number; readonly mfn: number } | undefined;
}

export class Reacher {
  private readonly known = new Map<number, Reach>();
  private readonly control = new WalkControl(52);
  private readonly walked = new Walk();

  /** `ignorePresent`: an entry without P that names a frame is taken for a leaf, as an L1TF-type load does. */
  constructor(
    private readonly mem: PtMemory,
    private readonly ignorePresent = false,
  ) {}

  /** Frames that L4 `root` maps; `slots`: only by entries `first`..`last` of it. */
  of_root(root: Mfn, first = 0, last = PTES - 1): Reach {
    this.forget(root);
    return this.look(root, 4, first, last);
  }

  /** Frames that pages `first`..end-1 below L4 `root` map; both are multiples of 1 GiB. U/S of the L4's entry counts. */
  of_pages(root: Mfn, first: number, end: number): Reach {
    const [size, below] = [LEVEL_PAGES[4], LEVEL_PAGES[3]];
    const slot = Math.floor(first / size);
    if (first % size === 0 && end % size === 0) return this.of_root(root, slot, end / size - 1);
    this.forget(root);
    if ((this.mem.flags(root, slot) & _PAGE_PRESENT) === 0) return NOTHING;
    return this.look(this.mem.frame(root, slot), 3, (first / below) % PTES, (end / below - 1) % PTES);
  }

  /** The first of pages `first`..end-1 below L4 `root` that maps one of frames `from`..to-1; undefined if none does. */
  page_of(root: Mfn, first: number, end: number, from: number, to: number): Vpn | undefined {
    this.forget(root);
    const search = (table: number, level: number, base: number): number | undefined => {
      const size = LEVEL_PAGES[level]!;
      for (let slot = 0; slot < PTES; slot++) {
        const page = base + slot * size;
        const flags = this.mem.flags(table, slot);
        if (page + size <= first || page >= end || (flags & _PAGE_PRESENT) === 0) continue;
        const frame = this.mem.frame(table, slot);
        if (level === 1 || (level < 4 && (flags & _PAGE_PSE) !== 0)) {
          if (frame < to && frame + size > from) return page + Math.max(0, from - frame);
        } else if (meets(this.below(frame, level - 1).all, from, to)) {
          const found = search(frame, level - 1, page);
          if (found !== undefined) return found;
        }
      }
      return undefined;
    };
    return search(root, 4, 0) as Vpn | undefined;
  }

  /**
   * Ask the processor's walk about each slot of `root`: does the first page that was found there translate, and to that
   * frame? Returns the number of slots that were asked about.
   *
   * Errors: RangeError where the two differ: the model has a bug.
   */
  confirm(root: Mfn): number {
    this.forget(root);
    let asked = 0;
    for (let slot = 0; slot < PTES; slot++) {
      if ((this.mem.flags(root, slot) & _PAGE_PRESENT) === 0 || this.ignorePresent) continue;
      const { witness } = this.below(this.mem.frame(root, slot), 3);
      if (witness === undefined) continue;
      asked++;
      const page = (slot * LEVEL_PAGES[4] + witness.page) as Vpn;
      const rc = walk(this.mem, this.control, root, page, ACCESS_READ, this.walked);
      if (rc !== WALK_OK || this.walked.frame !== witness.mfn)
        throw new RangeError(`Reacher: L4 ${root} page ${page}: the processor's walk differs`);
    }
    return asked;
  }

  /** A root that is copied changes, and its linear map with it: it is a table of lower levels there. */
  private forget(root: Mfn): void {
    for (let level = 1; level < 4; level++) this.known.delete(root * 8 + level);
  }

  private below(table: number, level: number): Reach {
    const key = table * 8 + level;
    let reach = this.known.get(key);
    if (reach === undefined) {
      reach = this.look(table, level, 0, PTES - 1);
      this.known.set(key, reach);
    }
    return reach;
  }

  private look(table: number, level: number, first: number, last: number): Reach {
    const { mem, ignorePresent } = this;
    const [all, user] = [new RangeSet(), new RangeSet()];
    const size = LEVEL_PAGES[level]!;
    let witness: Reach["witness"];
    for (let slot = first; slot <= last; slot++) {
      const flags = mem.flags(table, slot);
      const frame = mem.frame(table, slot);
      const present = (flags & _PAGE_PRESENT) !== 0;
      if (!present && (!ignorePresent || frame === 0)) continue;
      const isUser = (flags & _PAGE_USER) !== 0;
      if (level === 1 || !present || (level < 4 && (flags & _PAGE_PSE) !== 0)) {
        const pages = present || (flags & _PAGE_PSE) !== 0 ? size : 1;
        all.add(frame, frame + pages);
        if (isUser) user.add(frame, frame + pages);
        witness ??= { page: slot * size, mfn: frame };
        continue;
      }
      const below = this.below(frame, level - 1);
      all.addAll(below.all);
      if (isUser) user.addAll(below.user);
      if (below.witness !== undefined)
        witness ??= { page: slot * size + below.witness.page, mfn: below.witness.mfn };
    }
    return { all: all.ranges(), user: user.ranges(), witness };
  }
}

const NOTHING: Reach = { all: [], user: [], witness: undefined };

function meets(ranges: Ranges, from: number, to: number): boolean {
  for (let i = 0; i < ranges.length; i += 2) if (ranges[i]! < to && ranges[i + 1]! > from) return true;
  return false;
}

/** The same by the processor's walk of every page of L4 slots `first`..`last`, skipping what it finds unmapped. */
export function plain_reach(mem: PtMemory, root: Mfn, cpl: 0 | 3, first = 0, last = PTES - 1): Ranges {
  const control = new WalkControl(52);
  control.cpl = cpl;
  const out = new Walk();
  const found = new RangeSet();
  const end = (last + 1) * LEVEL_PAGES[4];
  for (let page = first * LEVEL_PAGES[4]; page < end;) {
    if (walk(mem, control, root, page as Vpn, ACCESS_READ, out) === WALK_OK) {
      found.add(out.frame, out.frame + 1);
      page++;
    } else page = (Math.floor(page / LEVEL_PAGES[out.level]!) + 1) * LEVEL_PAGES[out.level]!;
  }
  return found.ranges();
}
