import { expect } from "chai";
import fc from "fast-check";
import type { Mfn } from "../../../abi/frames.js";
import { PtMemory } from "../../../abi/memory.js";
import { _PAGE_PRESENT, _PAGE_PSE, _PAGE_RW, _PAGE_USER } from "../../../abi/page.js";
import { State } from "../../../abi/state.js";
import type { Mode } from "../../../xen-model/layout/host.js";
import { count } from "../../../xen-model/layout/ranges.js";
import { plain_reach, Reacher } from "../../../xen-model/layout/reach.js";
import { MIB, type Over, SECRET_FREE, UNIQUE, VCPU_ROOT, xenHost, XPTI } from "./hosts.js";

const SMALL = {
  nrFrames: 256 * MIB,
  nrPcpus: 5,
  guestMapped: 40,
  domains: [
    { type: "pv64", vcpus: 2, frames: 20 * MIB },
    { type: "pv32", vcpus: 1, frames: 10 * MIB },
    { type: "hvm", vcpus: 1, frames: 40 * MIB },
  ],
} as const;

const SHAPES: readonly (readonly [string, Over])[] = [
  ["today", {}],
  ["XPTI", XPTI],
  ["no directmap", { options: { directmap: false } }],
  ["no directmap, XPTI", { ...XPTI, options: { directmap: false } }],
  ["a root for each vCPU, stacks in it", { ...VCPU_ROOT, options: { directmap: false, percpu: "own" } }],
  ["secret-free", { ...UNIQUE, options: SECRET_FREE }],
  [
    "slot 260 with its domain's state, and XPTI's roots",
    { ...XPTI, options: { directmap: false, vcpuState: "domain", domainState: "domain", roots: "domheap" } },
  ],
];

describe("all frames that a root maps, as ranges", () => {
  for (const [name, over] of SHAPES) {
    it(`are those of a walk by the processor, page after page, in every mode of a small host: ${name}`, () => {
      const host = xenHost({ ...SMALL, ...over });
      const reacher = new Reacher(host.mem);
      for (const [pcpu] of host.pcpus.entries()) {
        for (const mode of host.modes(pcpu) as Mode[]) {
          const root = host.enter(pcpu, mode);
          const { all, user } = reacher.of_root(root);
          expect(all, `pCPU ${pcpu} ${mode}`).to.deep.equal(plain_reach(host.mem, root, 0));
          expect(user, `pCPU ${pcpu} ${mode}, user`).to.deep.equal(plain_reach(host.mem, root, 3));
          expect(reacher.confirm(root)).to.be.greaterThan(0);
        }
      }
    }).timeout(60_000);
  }

  it("are those of a walk by the processor in random tables that share, and point back to, each other", () => {
    const TABLES = 12;
    const entry = fc.record({
      slot: fc.integer({ min: 0, max: 511 }),
      frame: fc.integer({ min: 0, max: 3 * TABLES }),
      flags: fc.constantFrom(0, _PAGE_PRESENT, _PAGE_PRESENT | _PAGE_RW, _PAGE_PRESENT | _PAGE_USER),
    });
    const tables = fc.array(fc.array(entry, { maxLength: 4 }), { minLength: TABLES, maxLength: TABLES });
    let found = 0;
    fc.assert(
      fc.property(tables, (all) => {
        const geometry = { nrFrames: 2 ** 28, nrTables: TABLES, ptes: 512 };
        const mem = new PtMemory(new State(PtMemory.bytes(geometry)), geometry);
        all.forEach((entries, table) =>
          entries.forEach(({ slot, frame, flags }) => mem.set(table, slot, frame, flags)),
        );
        const reacher = new Reacher(mem);
        expect(reacher.of_root(1 as Mfn).all).to.deep.equal(plain_reach(mem, 1 as Mfn, 0));
        expect(reacher.of_root(1 as Mfn).user).to.deep.equal(plain_reach(mem, 1 as Mfn, 3));
        found += count(reacher.of_root(1 as Mfn).all);
      }),
      { numRuns: 300, seed: 9 },
    );
    expect(found).to.be.greaterThan(100);
  });

  it("through the linear map are tables, and of a superpage what its PSE bit means one level down", () => {
    // an L3 entry that maps 1 GiB is seen as an L2 entry that maps 2 MiB, an L2 entry that maps 2 MiB as an L1 entry
    const geometry = { nrFrames: 2 ** 28, nrTables: 4, ptes: 512 };
    const mem = new PtMemory(new State(PtMemory.bytes(geometry)), geometry);
    const [l4, l3] = [1 as Mfn, 2];
    mem.set(l4, 0, l3, _PAGE_PRESENT);
    mem.set(l4, 258, l4, _PAGE_PRESENT | _PAGE_RW);
    mem.set(l3, 1, 2 ** 20, _PAGE_PRESENT | _PAGE_PSE);
    const { all } = new Reacher(mem).of_root(l4, 258, 258);
    expect(all).to.deep.equal([1, 3, 2 ** 20, 2 ** 20 + 512]);
    expect(all).to.deep.equal(plain_reach(mem, l4, 0, 258, 258));
  });
});
