import { expect } from "chai";
import type { EventName } from "../../abi/events.js";
import { linear_page, type Vpn } from "../../abi/frames.js";
import { LINUX_DIRECT_MAP_SLOT } from "../../abi/layout.js";
import { defineProposal } from "../../abi/proposal.js";
import { bootedMachine } from "../../machine/fixtures.js";
import type { Machine } from "../../machine/machine.js";
import { map_guest_l1e } from "../../xen-model/guest-l1e.js";
import {
  map_domain_page,
  type MapDomainPage,
  touch_domain_page,
  unmap_domain_page,
} from "../../xen-model/mapcache.js";
import { loadProposal } from "../../experiments/evaluate.js";
import { start } from "../../experiments/synthetic/run-ops.js";

function machineWith(mapcache: MapDomainPage, directmap = false): Machine {
  const proposal = defineProposal({
    name: "no-directmap",
    title: "t",
    question: "q",
    linux: { top: "shared-pgd" },
    xen: { root: "shared", layout: { directmap, mapcache } },
  });
  const machine = bootedMachine(proposal);
  machine.ledger.clear();
  return machine;
}

/** Events that happen while `act` runs. */
function counted(machine: Machine, ...names: EventName[]): (act: () => void) => number[] {
  return (act) => {
    const before = names.map((name) => machine.ledger.total(name));
    act();
    return names.map((name, i) => machine.ledger.total(name) - before[i]!);
  };
}

const MAPCACHE = ["map_domain_page", "mapcache_miss", "mapcache_wrap", "tlb_flush"] as const;
/** A vCPU's entries, times the two vCPUs of the domain. */
const DOMAIN_ENTRIES = 32;
/** Frames that share no row of the hash with their neighbours. */
const FRAME = 1000;
/** The first page of Linux's direct map. */
const DIRECT_MAP = linear_page((LINUX_DIRECT_MAP_SLOT * 512 ** 3) as Vpn);

describe("map_domain_page()", () => {
  it("is pointer arithmetic in a release build with a directmap: nothing is counted", () => {
    const machine = machineWith("domain", true);
    expect(machine.xen.mapcache).to.equal(undefined);
    const [calls, misses, wraps] = counted(machine, ...MAPCACHE)(() => start(machine));
    expect([calls, misses, wraps]).to.deep.equal([0, 0, 0]);
  });

  it("finds a frame that it has unmapped in the vCPU's hash, without touching an entry", () => {
    const machine = machineWith("domain");
    touch_domain_page(machine.xen, 0, FRAME);
    const count = counted(machine, ...MAPCACHE);
    expect(count(() => touch_domain_page(machine.xen, 0, FRAME))).to.deep.equal([1, 0, 0, 0]);
  });

  it("looks in the hash of the own vCPU only", () => {
    const machine = machineWith("domain");
    touch_domain_page(machine.xen, 0, FRAME);
    expect(counted(machine, ...MAPCACHE)(() => touch_domain_page(machine.xen, 1, FRAME))).to.deep.equal([
      1, 1, 0, 0,
    ]);
  });

  it("maps a frame once that is mapped twice at a time", () => {
    const { xen } = machineWith("domain");
    const first = map_domain_page(xen, 0, FRAME);
    unmap_domain_page(xen, 0, first);
    const again = map_domain_page(xen, 0, FRAME);
    expect([map_domain_page(xen, 0, FRAME), again]).to.deep.equal([first, first]);
  });

  it("never reuses an entry before a flush: between two wraps at most 16 for each vCPU are written", () => {
    const { xen, ledger } = machineWith("domain");
    const missesToWrap = (): number => {
      const [misses, wraps] = [ledger.total("mapcache_miss"), ledger.total("mapcache_wrap")];
      for (let i = 0; ledger.total("mapcache_wrap") === wraps; i++) touch_domain_page(xen, 0, FRAME + i);
      return ledger.total("mapcache_miss") - misses;
    };
    missesToWrap();
    // the 8 of the vCPU's hash stay mapped, and so stay in use
    for (let i = 0; i < 3; i++) expect(missesToWrap()).to.be.within(DOMAIN_ENTRIES - 2 * 8, DOMAIN_ENTRIES);
  });

  it("has another vCPU flush after a wrap, unless it has flushed since", () => {
    const { xen, ledger } = machineWith("domain");
    const wraps = ledger.total("mapcache_wrap");
    for (let i = 0; ledger.total("mapcache_wrap") === wraps; i++) touch_domain_page(xen, 0, FRAME + i);
    const flushes = ledger.total("tlb_flush");
    touch_domain_page(xen, 1, 5 * FRAME);
    touch_domain_page(xen, 1, 6 * FRAME);
    expect(ledger.total("tlb_flush") - flushes).to.equal(1);
  });

  it("with entries of each vCPU's own wraps sooner, and disturbs nobody else, without a lock", () => {
    const { xen, ledger } = machineWith("vcpu");
    const wraps = ledger.total("mapcache_wrap");
    for (let i = 0; ledger.total("mapcache_wrap") === wraps; i++) touch_domain_page(xen, 0, FRAME + i);
    const flushes = ledger.total("tlb_flush");
    touch_domain_page(xen, 1, 5 * FRAME);
    expect([ledger.total("tlb_flush") - flushes, ledger.total("mapcache_lock")]).to.deep.equal([0, 0]);
  });

  it("without a cache flushes one page for each unmapping", () => {
    const machine = machineWith("none");
    const count = counted(machine, "map_domain_page", "mapcache_miss", "invlpg");
    expect(count(() => touch_domain_page(machine.xen, 0, FRAME))).to.deep.equal([1, 0, 1]);
  });

  it("has an entry for each table of a recursive audit, and lets go of all of them", () => {
    const machine = machineWith("vcpu");
    start(machine);
    const tables = ["promote_l1", "promote_l2", "promote_l3", "promote_l4"] as const;
    const audited = tables.reduce((sum, name) => sum + machine.ledger.total(name), 0);
    expect(machine.ledger.total("map_domain_page")).to.be.at.least(audited).and.greaterThan(0);
    for (const cpu of [0, 1]) for (let i = 0; i < 16; i++) map_domain_page(machine.xen, cpu, FRAME + i);
    expect(() => map_domain_page(machine.xen, 0, 2 * FRAME)).to.throw("are in use");
  });
});

describe("without a directmap", () => {
  it("what the guest sees does not change: the same frames are in %cr3, and the same is refused", () => {
    const [before, after] = [bootedMachine(loadProposal("shared")), machineWith("domain")];
    for (const machine of [before, after]) start(machine);
    expect(after.guest_cr3(0)).to.equal(before.guest_cr3(0));
    expect(after.ledger.total("hypercall_failed")).to.equal(before.ledger.total("hypercall_failed"));
  });

  it("and without a linear map, the L4, L3 and L2 above an entry are mapped each time that it is looked up", () => {
    const [linear, none] = [true, false].map((linearMap) => {
      const proposal = loadProposal("shared");
      const layout = { ...proposal.xen.layout, directmap: false, linearMap };
      const machine = bootedMachine({ ...proposal, xen: { ...proposal.xen, layout } });
      start(machine);
      machine.syscall(0);
      const count = counted(machine, "map_domain_page");
      return count(() => expect(map_guest_l1e(machine.xen, 0, DIRECT_MAP)).to.be.at.least(0))[0]!;
    });
    expect([linear, none]).to.deep.equal([0, 3]);
  });

  for (const name of ["xen-vcpu-root", "xpti"]) {
    it(`${name}: a root from the domain heap is mapped for each copy of the guest's L4 into it, one that is Xen heap is not`, () => {
      const [heap, demand] = (["xenheap", "domheap"] as const).map((roots) => {
        const proposal = loadProposal(name);
        const layout = { ...proposal.xen.layout, directmap: false, roots };
        const machine = bootedMachine({ ...proposal, xen: { ...proposal.xen, layout } });
        start(machine);
        return ["map_domain_page", "l4_copy"].map((event) => machine.ledger.total(event as EventName));
      });
      expect(demand![1]).to.equal(heap![1]);
      expect(demand![0]! - heap![0]!)
        .to.equal(heap![1])
        .and.be.above(0);
    });
  }
});
