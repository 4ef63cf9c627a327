/** mmap, munmap and mprotect, in any order: what is mapped where, and how its VMAs lie. */
import { expect } from "chai";
import fc from "fast-check";
import { USER_LIMIT_VPN } from "../../abi/layout.js";
import { start } from "../../experiments/synthetic/run-ops.js";
import { populate_range } from "../../linux-mm-model/fault.js";
import { P4D_PAGES } from "../../linux-mm-model/pgtable.js";
import { sys_brk, sys_mmap, sys_mprotect, sys_munmap } from "../../linux-mm-model/syscalls.js";
import { NO_FILE, VM_READ, VM_WRITE } from "../../linux-mm-model/vma.js";
import type { Machine } from "../../machine/machine.js";
import { bootedMachine } from "../machine/booted-machine.js";

/** First page of slot 9, which no image uses. */
const SLOT9 = 9 * P4D_PAGES;
const AREA = 64;

/** A call that maps, with the access `how`, unmaps or protects. */
interface Call {
  readonly what: "map" | "unmap" | "protect";
  readonly at: number;
  readonly pages: number;
  readonly how: number;
}

const call: fc.Arbitrary<Call> = fc.record({
  what: fc.constantFrom("map", "map", "unmap", "protect"),
  at: fc.nat(AREA - 1),
  pages: fc.integer({ min: 1, max: 24 }),
  how: fc.constantFrom(0, VM_READ, VM_READ | VM_WRITE),
});

function process(): { m: Machine; mm: number } {
  const m = bootedMachine("shared");
  start(m);
  m.syscall(0);
  return { m, mm: m.linux.tasks.mm[m.linux.percpu.current[0]!]! };
}

function map({ linux }: Machine, at: number, pages: number, flags: number): void {
  sys_mmap(linux, 0, { start: SLOT9 + at, pages, flags, file: NO_FILE, pgoff: 0 });
}

function make({ m, mm }: ReturnType<typeof process>, { what, at, pages, how }: Call): void {
  const { linux } = m;
  if (what === "unmap") sys_munmap(linux, 0, SLOT9 + at, pages);
  else if (what === "protect") sys_mprotect(linux, 0, SLOT9 + at, pages, how);
  else {
    map(m, at, pages, how);
    if (how !== 0) populate_range(linux, 0, mm, SLOT9 + at, SLOT9 + at + pages, (how & VM_WRITE) !== 0);
  }
}

/** The VMAs of the area, by their addresses, each from where it begins. */
function vmasOf({ m, mm }: ReturnType<typeof process>): { at: number; end: number; how: number }[] {
  const { vmas, mms } = m.linux;
  const n = vmas.list(mms.vma_root[mm]!, SLOT9, SLOT9 + P4D_PAGES);
  return Array.from(vmas.listed.subarray(0, n), (row) => ({
    at: vmas.start[row]! - SLOT9,
    end: vmas.end[row]! - SLOT9,
    how: vmas.flags[row]!,
  }));
}

describe("mmap, munmap and mprotect", () => {
  it("leave each page as the last call says that had it", () => {
    fc.assert(
      fc.property(fc.array(call, { maxLength: 25 }), (calls) => {
        const p = process();
        const { mms } = p.m.linux;
        const count = mms.map_count[p.mm]!;
        const pages: (number | undefined)[] = new Array<undefined>(2 * AREA).fill(undefined);
        for (const each of calls) {
          make(p, each);
          for (let page = each.at; page < each.at + each.pages; page++) {
            if (each.what === "unmap") pages[page] = undefined;
            else if (each.what === "map") pages[page] = each.how;
            else if (pages[page] === undefined)
              break; // -ENOMEM
            else pages[page] = each.how;
          }
          const found: typeof pages = new Array<undefined>(2 * AREA).fill(undefined);
          const vmas = vmasOf(p);
          for (const { at, end, how } of vmas) found.fill(how, at, end);
          expect(found).to.deep.equal(pages);
          expect(vmas.every(({ at }, i) => i === 0 || vmas[i - 1]!.end <= at)).to.equal(true);
          expect(mms.map_count[p.mm]! - count).to.equal(vmas.length);
        }
        sys_munmap(p.m.linux, 0, SLOT9, 2 * AREA);
        expect(mms.map_count[p.mm]).to.equal(count);
      }),
      { numRuns: 60 },
    );
  });

  it("mmap over what is mapped leaves what munmap and then mmap do, in each byte of the state", () => {
    fc.assert(
      fc.property(fc.array(call, { maxLength: 12 }), call, (calls, { at, pages, how }) => {
        const [once, twice] = [process(), process()];
        for (const each of calls) for (const p of [once, twice]) make(p, each);
        sys_munmap(twice.m.linux, 0, SLOT9 + at, pages);
        for (const { m } of [once, twice]) {
          map(m, at, pages, how);
          m.ledger.clear(); // they have done it under other names
        }
        expect(once.m.equals(twice.m)).to.equal(true);
      }),
      { numRuns: 60 },
    );
  });

  it("brk extends the heap as an mmap behind it would, in each byte of the state", () => {
    const [brk, mmap] = [process(), process()];
    for (const { m, mm } of [brk, mmap]) {
      const { mms } = m.linux;
      mms.start_brk[mm] = mms.brk[mm] = SLOT9;
      map(m, 40, 4, VM_READ);
      expect(sys_brk(m.linux, 0, SLOT9 + 4)).to.equal(SLOT9 + 4);
    }
    expect(sys_brk(brk.m.linux, 0, SLOT9 + 41)).to.equal(SLOT9 + 4); // something is there
    expect(sys_brk(brk.m.linux, 0, SLOT9 + 40)).to.equal(SLOT9 + 40);
    map(mmap.m, 4, 36, VM_READ | VM_WRITE);
    mmap.m.linux.mms.brk[mmap.mm] = SLOT9 + 40;
    for (const { m } of [brk, mmap]) m.ledger.clear();
    expect(vmasOf(brk)).to.deep.equal([
      { at: 0, end: 40, how: VM_READ | VM_WRITE },
      { at: 40, end: 44, how: VM_READ },
    ]);
    expect(brk.m.equals(mmap.m)).to.equal(true);
  });

  it("brk moves no heap beyond user space", () => {
    const { m, mm } = process();
    const { mms, vmas } = m.linux;
    const last = vmas.find_vma_before(mms.vma_root[mm]!, USER_LIMIT_VPN);
    sys_munmap(m.linux, 0, vmas.start[last]!, USER_LIMIT_VPN - vmas.start[last]!); // the stack
    mms.start_brk[mm] = mms.brk[mm] = USER_LIMIT_VPN - 4;
    expect(sys_brk(m.linux, 0, USER_LIMIT_VPN + 1)).to.equal(USER_LIMIT_VPN - 4);
    expect(sys_brk(m.linux, 0, USER_LIMIT_VPN)).to.equal(USER_LIMIT_VPN);
  });
});
