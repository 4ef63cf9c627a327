import { expect } from "chai";
import { State } from "../../../abi/state.js";
import { WalkControl } from "../../../xen-model/hw/control.js";
import { Tlb } from "../../../xen-model/hw/tlb.js";
import { Walk } from "../../../xen-model/hw/walk.js";
import { MAPCACHE_VIRT_START } from "../../../xen-model/layout/areas.js";
import {
  census,
  type CensusOptions,
  CLASSES,
  type Exposure,
  type FrameClass,
  SECRETS,
} from "../../../xen-model/layout/census.js";
import type { HostConfig } from "../../../xen-model/layout/host-config.js";
import { XenHost } from "../../../xen-model/layout/host.js";
import { type Expected, in_root_pgt, with_directmap, without_directmap } from "./arithmetic.js";
import {
  GIB,
  hostConfig,
  type Over,
  SECRET_FREE,
  SHARED,
  UNIQUE,
  VCPU_ROOT,
  xenHost,
  XPTI,
} from "./hosts.js";

const NO_DIRECTMAP = { directmap: false } as const;
const NO_LINEAR_MAP = { ...NO_DIRECTMAP, linearMap: false } as const;
const SUPERVISOR = { meltdown: false, l1tf: false };
const MELTDOWN = { meltdown: true, l1tf: false };

function bytes(expected: Expected): Partial<Record<FrameClass, number>> {
  return Object.fromEntries(Object.entries(expected).map(([name, frames]) => [name, frames * 4096]));
}

/** The classes of `found` that `expected` has. */
function picked(found: Exposure, expected: object): object {
  return Object.fromEntries(Object.keys(expected).map((name) => [name, found.classes[name as FrameClass]]));
}

/** Each pCPU in Xen and idle, against what arithmetic says. */
function expectArithmetic(config: HostConfig): void {
  const owners = config.domains.flatMap(({ vcpus }, domid) => Array.from({ length: vcpus }, () => domid));
  for (const found of census(new XenHost(config), SUPERVISOR)) {
    if (found.mode !== "xen" && found.mode !== "idle") continue;
    const domid = found.mode === "idle" ? -1 : owners[found.pcpu]!;
    const { directmap, linearMap } = config.options;
    const compute = directmap ? with_directmap : without_directmap;
    const expected = bytes(compute(config, domid, found.pcpu));
    if (!directmap && linearMap) {
      // the linear map shows tables: Xen's and the guest's
      for (const name of ["pagetables", "own_memory"] as const) {
        expect(found.classes[name]).to.be.at.least(expected[name]!);
        delete expected[name];
      }
    }
    expect(picked(found, expected), `pCPU ${found.pcpu}, ${found.mode}`).to.deep.equal(expected);
  }
}

const CONFIGURATIONS: readonly (readonly [string, Over])[] = [
  ["Xen of today", {}],
  ["64 GiB, 40 pCPUs", { nrFrames: 64 * GIB, nrPcpus: 40 }],
  ["XPTI", XPTI],
  ["a root for each vCPU", VCPU_ROOT],
  ["L4s that no two pCPUs share", UNIQUE],
  [
    "stacks and vCPU state in own L4s, beside a directmap",
    { ...UNIQUE, options: { percpu: "own", vcpuState: "own" } },
  ],
  ["no directmap, EPT mapped", { options: NO_DIRECTMAP }],
  ["no directmap, XPTI, EPT on demand", { ...XPTI, options: { ...NO_DIRECTMAP, ept: "demand" } }],
  ["no directmap, no linear map", { options: { ...NO_DIRECTMAP, linearMap: false } }],
  ["no directmap, stacks in own L4s", { ...UNIQUE, options: { ...NO_DIRECTMAP, percpu: "own" } }],
  ["pCPU 0's stack and per-CPU area allocated, XPTI", { ...XPTI, options: { bootPercpu: "allocated" } }],
  [
    "no directmap, pCPU 0's stack and per-CPU area allocated",
    { options: { ...NO_DIRECTMAP, bootPercpu: "allocated" } },
  ],
  [
    "vCPU and domain state in slot 260 of the domain, beside a directmap",
    { options: { vcpuState: "domain", domainState: "domain" } },
  ],
  [
    "no directmap, vCPU and domain state in slot 260 of the domain",
    { options: { ...NO_DIRECTMAP, vcpuState: "domain", domainState: "domain" } },
  ],
  [
    "no directmap, stacks in own L4s, vCPU state in slot 260 of the domain",
    { ...UNIQUE, options: { ...NO_DIRECTMAP, percpu: "own", vcpuState: "domain" } },
  ],
  ["no directmap, no linear map, XPTI", { ...XPTI, options: NO_LINEAR_MAP }],
  ["no directmap, XPTI's roots domain heap", { ...XPTI, options: { ...NO_LINEAR_MAP, roots: "domheap" } }],
  ["no directmap, no linear map, a root for each vCPU", { ...VCPU_ROOT, options: NO_LINEAR_MAP }],
  [
    "no directmap, roots of vCPUs domain heap",
    { ...VCPU_ROOT, options: { ...NO_LINEAR_MAP, roots: "domheap" } },
  ],
  [
    "secret-free, but pCPU 0 on the image's stack",
    { ...UNIQUE, options: { ...SECRET_FREE, bootPercpu: "image" } },
  ],
  ["secret-free, on guests' L4s", { ...UNIQUE, options: SECRET_FREE }],
  ["secret-free, a root for each vCPU", { ...VCPU_ROOT, options: SECRET_FREE }],
];

describe("the census of what pCPUs can load", () => {
  for (const [name, over] of CONFIGURATIONS)
    it(`finds what arithmetic says: ${name}`, () => expectArithmetic(hostConfig(over)));

  it("accounts for every frame of memory where the directmap is whole", () => {
    for (const { mode, classes } of census(xenHost(), SUPERVISOR)) {
      const sum = CLASSES.reduce((total, name) => total + classes[name], 0);
      if (mode === "xen" || mode === "idle") expect(sum).to.equal(4 * GIB * 4096);
    }
  });

  it("finds no secret that guest mode's privilege may read, in any type of guest", () => {
    for (const found of census(xenHost(), SUPERVISOR)) {
      if (found.mode !== "guest-user" && found.mode !== "guest-kernel") continue;
      for (const name of Object.keys(SECRETS) as FrameClass[]) expect(found.classes[name]).to.equal(0);
    }
  });

  it("finds all that Xen maps in a 64-bit PV guest's reach where U/S is ignored, but in no other guest's", () => {
    const found = census(xenHost(), MELTDOWN);
    const at = (pcpu: number, mode: string) => found.find((e) => e.pcpu === pcpu && e.mode === mode)!;
    expect(at(0, "guest-kernel").classes).to.deep.equal(at(0, "xen").classes);
    // 32-bit: segments end below 4 GiB; HVM: no address outside its EPT
    for (const pcpu of [2, 4]) expect(at(pcpu, "guest-kernel").classes.other_domains).to.equal(0);
    expect(at(4, "guest-kernel").classes.own_memory).to.equal(MIXED_HVM_BYTES);
  });

  it("with P ignored too, has guests reach what their pCPU may have in its L1D: all that it maps in any mode", () => {
    const found = census(xenHost(XPTI), { meltdown: false, l1tf: true });
    const [user, , xen, idle] = found.map(({ classes }) => classes);
    expect(user!.other_domains).to.equal(xen!.other_domains);
    expect(user!.own_memory).to.equal(xen!.own_memory);
    expect(idle!.own_memory).to.equal(0);
  });

  it("shows a 64-bit PV guest 5 TiB at most, and the whole directmap to HVM guests and idle pCPUs", () => {
    const TIB = 1024 * GIB;
    const host = xenHost({ nrFrames: 6 * TIB, domains: MIXED_DOMAINS });
    const found = census(host, SUPERVISOR, [0, 4]);
    const all = (pcpu: number, mode: string): number => {
      const { classes } = found.find((e) => e.pcpu === pcpu && e.mode === mode)!;
      return CLASSES.reduce((sum, name) => sum + classes[name], 0);
    };
    expect(all(4, "xen")).to.equal(6 * TIB * 4096);
    expect(all(0, "idle")).to.equal(6 * TIB * 4096);
    // what lies above and is mapped elsewhere: nothing of this host
    expect(all(0, "xen")).to.equal(5 * TIB * 4096);
  });
});

describe("speculative loads", () => {
  const config = { options: { ...NO_DIRECTMAP, linearMap: false } };

  it("reach what the TLB still holds: unmap_domain_page() does not flush", () => {
    const host = xenHost(config);
    const tlb = new Tlb(new State(1 << 16), { nrCpus: 8, sets: 16, ways: 4, ptes: 512 });
    const walked = new Walk();
    walked.frame = host.domains[1]!.memory; // another domain's page, mapped by the mapcache until a moment ago
    walked.level = 1;
    tlb.fill(0, 0, MAPCACHE_VIRT_START, new WalkControl(), walked);
    const inXen = (options: CensusOptions) => census(host, options, [0]).find(({ mode }) => mode === "xen")!;
    expect(inXen(SUPERVISOR).classes.other_domains).to.equal(0);
    expect(inXen({ ...SUPERVISOR, tlb }).classes.other_domains).to.equal(4096);
    expect(census(host, { ...SUPERVISOR, tlb }, [1])[2]!.classes.other_domains).to.equal(0);
  });

  it("of a supervisor's TLB entries are not those of guest mode, unless U/S is ignored", () => {
    const host = xenHost(config);
    const tlb = new Tlb(new State(1 << 16), { nrCpus: 8, sets: 16, ways: 4, ptes: 512 });
    const walked = new Walk();
    walked.frame = host.domains[1]!.memory;
    walked.level = 1;
    tlb.fill(0, 0, MAPCACHE_VIRT_START, new WalkControl(), walked);
    const user = (options: CensusOptions) => census(host, options, [0])[0]!.classes.other_domains;
    expect([user({ ...SUPERVISOR, tlb }), user({ ...MELTDOWN, tlb })]).to.deep.equal([0, 4096]);
  });

  it("where P is ignored reach the frame that an entry without P names", () => {
    const host = xenHost(config);
    const { guest_table } = host.domains[0]!.vcpu[0]!;
    let table: number = guest_table;
    for (let level = 4; level > 1; level--) table = host.mem.frame(table, 0);
    host.mem.set(table, 5, host.domains[1]!.memory, 0);
    const kernel = (options: CensusOptions) => census(host, options, [0])[1]!.classes.other_domains;
    expect([kernel(MELTDOWN), kernel({ meltdown: true, l1tf: true })]).to.deep.equal([0, 4096]);
  });
});

const MIXED_DOMAINS = hostConfig().domains;
const MIXED_HVM_BYTES = MIXED_DOMAINS[2]!.frames * 4096;

describe("XPTI's root_pgt", () => {
  const config = hostConfig(XPTI);
  const guests = census(new XenHost(config), MELTDOWN).filter(
    ({ type, mode }) => type === "pv64" && (mode === "guest-user" || mode === "guest-kernel"),
  );

  it("holds entry text, stubs, M2P, the pCPU's stack, IDT, TSS, the domain's GDTs, and nothing else of Xen", () => {
    const zero = Object.fromEntries(CLASSES.map((name) => [name, 0]));
    for (const { pcpu, classes } of guests.filter(({ pcpu }) => pcpu === 1))
      expect(classes, `pCPU ${pcpu}`).to.deep.equal({ ...zero, ...bytes(in_root_pgt(config, 0)) });
  });

  it("is not what Xen runs on: there, the guest's L4 maps all of memory", () => {
    const xen = census(new XenHost(config), SUPERVISOR).find(({ mode }) => mode === "xen")!;
    expect(xen.classes.other_domains).to.be.greaterThan(1 << 30);
  });
});

describe("L4s that no two pCPUs share", () => {
  const secrets = (over: Over) =>
    census(xenHost(over), SUPERVISOR)
      .filter(({ mode }) => mode === "xen" || mode === "idle")
      .map(({ pcpu, mode, classes }) => ({ pcpu, mode, ...classes }));

  it("leave what a pCPU can load as it was, until something differs in them (facts/xen.md 7)", () => {
    expect(secrets(UNIQUE)).to.deep.equal(secrets(SHARED));
  });

  it("change nothing either with stacks and vCPU state of their own, while there is a directmap", () => {
    const own = secrets({ ...UNIQUE, options: { percpu: "own", vcpuState: "own" } });
    const today = secrets(UNIQUE);
    const rest = (rows: typeof own) => rows.map((row) => ({ ...row, pagetables: 0, free: 0 }));
    expect(rest(own)).to.deep.equal(rest(today));
  });

  it("are needed for a layout that maps anything in one pCPU's L4 only", () => {
    expect(() => xenHost({ options: { ...NO_DIRECTMAP, percpu: "own" } })).to.throw(
      "needs L4s that no two pCPUs share",
    );
  });
});
