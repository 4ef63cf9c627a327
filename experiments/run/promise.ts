/**
 * The promise under evaluation, looked at on the pCPUs' real %cr3 after every event of a run.
 *
 * Each pCPU may at any moment run its guest, or Xen on the guest's behalf, so the two modes are looked at
 * apart: a root used in guest mode is compared with the other pCPUs' guest-mode roots and with the
 * roots they have inside Xen.
 */
import type { ChangedRows } from "../../abi/changed-rows.js";
import { INIT_MM, NO_MM } from "../../linux-mm-model/mm-struct.js";
import { onePcpuPerL4InGuest, onePcpuPerL4InXen } from "../../machine/invariants.js";
import type { Machine } from "../../machine/machine.js";
import type { PropertyResult, Verdict } from "../results.js";
import { NO_TABLE, SameTable } from "./same-table.js";

const STATEMENTS = {
  exclusive_in_guest: onePcpuPerL4InGuest.says,
  exclusive_in_xen: onePcpuPerL4InXen.says,
  audit_accepts:
    "the audit of exclusively installed L4s refuses nothing that the guest does in ordinary work",
  threads_run_together: "two threads of one process run on two pCPUs at once",
  shim_exclusive_in_guest:
    "within the shim, no two of its vCPUs have the same L4 in %cr3 while they run the guest",
  shim_exclusive_in_xen:
    "within the shim, no two of its vCPUs have the same L4 in %cr3 while it runs for the guest",
  guest_cr3_exclusive: "no two vCPUs have the same guest-physical address in the CR3 that is the guest's own",
  guest_l3_exclusive: "no two vCPUs have the same L3 of the guest in slot 0 of their L4",
} as const;

/**
 * What is looked at one level in, by what the guest runs in: while the guest runs, and while the shim does. No verdict
 * depends on it, since these are the guest's frames, which no pCPU has in %cr3.
 */
const INNER = {
  pv: [],
  pv32: ["guest_l3_exclusive"],
  pvh: ["guest_cr3_exclusive"],
  shim: ["shim_exclusive_in_guest", "shim_exclusive_in_xen"],
} as const;

/** How a reason begins to tell of one. */
const WITHIN = {
  guest_l3_exclusive: "in slot 0 of their L4, as they may, two vCPUs have",
  guest_cr3_exclusive: "in the guest's own CR3, behind EPT, two vCPUs have",
  shim_exclusive_in_guest: "within the shim, while it runs the guest, two vCPUs have",
  shim_exclusive_in_xen: "within the shim, while that runs itself, two vCPUs have",
} as const;

type Name = keyof typeof STATEMENTS;

/** How two pCPUs came to one L4, in the order of facts about Linux 6.1: threads, lazy TLB, init_mm, all else. */
const WAYS = [
  "two threads of one process, each on its pCPU",
  "a vCPU that idles, or runs a kernel thread, on the tables of a process that runs elsewhere",
  "swapper_pg_dir, or another table of init_mm, on both",
  "a root of Xen's own on both",
  "idle_pg_table on both, neither of which runs a vCPU",
] as const;

/** What is known of one property so far. */
interface Found {
  violations: number;
  readonly ways: Float64Array;
  first: { event: number; what: string } | undefined;
}

/**
 * The same, and which CPUs have one table now. Looks are added up when a CPU changes: until then all find what the first found.
 */
class Watched implements Found {
  violations = 0;
  readonly ways: Float64Array;
  first: Found["first"];
  private readonly same: SameTable;
  /** Looks that are in the counts. */
  private counted = 0;

  constructor(
    { nrPcpus }: Machine,
    nrTables: number,
    private readonly cpu: "pCPU" | "vCPU" = "pCPU",
    nrWays: number = WAYS.length,
  ) {
    this.ways = new Float64Array(nrWays);
    this.same = new SameTable(nrPcpus, nrTables, nrWays);
  }

  /** `cpu` has `table` now, since look number `looks`. */
  set(cpu: number, table: number, way: number, looks: number): void {
    if (this.same.has(cpu, table, way)) return;
    this.count(looks);
    this.same.set(cpu, table, way);
  }

  /** Count the looks up to number `looks`. */
  count(looks: number): void {
    const { same, ways } = this;
    const times = looks - this.counted;
    this.counted = looks;
    if (same.pairs === 0) return;
    this.violations += same.pairs * times;
    for (let way = 0; way < ways.length; way++) ways[way]! += same.byRank[way]! * times;
  }

  end(): void {
    this.same.end();
  }

  /** As it is now, after `event`: is it the first time? */
  look(event: number): void {
    if (this.first !== undefined || this.same.pairs === 0) return;
    const [p, q, mfn, way] = this.same.first()!;
    const what = `${this.cpu} ${p} and ${this.cpu} ${q} have L4 mfn 0x${mfn.toString(16)}: ${WAYS[way]}`;
    this.first = { event, what };
  }
}

/** Of a pCPU: what see() compares. */
const SEEN = 4;

/**
 * Who looks. It keeps what each CPU had at the last look, and goes to those CPUs that the machine says have changed since
 * (ChangedRows): it takes that list, so a machine has one watch. What lies one level in changes with these, or is a shim's
 * own pCPUs', of which there is another list.
 */
export class PromiseWatch {
  private readonly guest: Watched;
  private readonly xen: Watched;
  private readonly innerGuest: Watched;
  private readonly innerXen: Watched;
  private readonly audit: Found = { violations: 0, ways: new Float64Array(WAYS.length), first: undefined };
  /** vCPUs by the mm of the task that runs there. Non-vacuity: the promise could be kept because nothing put it to the test. */
  private readonly threads: Watched;
  private looks = 0;
  /** [pcpu][SEEN] L4 in the guest, L4 in Xen, mm that is loaded, mm of the task that runs: at the last look. */
  private readonly seen: Int32Array;
  private refusedBefore = 0;
  private readonly inner: readonly Name[];
  private readonly audited: boolean;
  private readonly loads: ChangedRows;
  private readonly switches: ChangedRows;
  /** vCPU n of a shim's is its pCPU n. */
  private readonly shimLoads: ChangedRows | undefined;

  constructor(private readonly machine: Machine) {
    const { nrFrames } = machine.memory;
    this.inner = INNER[machine.config.proposal.xen.container];
    this.audited = machine.config.proposal.xen.exclusive;
    this.loads = machine.host.pcpus.loads;
    this.switches = machine.linux.percpu.switches;
    this.shimLoads = machine.xen === machine.host ? undefined : machine.xen.pcpus.loads;
    this.seen = new Int32Array(machine.nrPcpus * SEEN).fill(-1);
    this.guest = new Watched(machine, nrFrames);
    this.xen = new Watched(machine, nrFrames);
    this.innerGuest = new Watched(machine, nrFrames, "vCPU");
    this.innerXen = new Watched(machine, nrFrames, "vCPU");
    this.threads = new Watched(machine, machine.linux.mms.max, "vCPU", 1);
    for (let pcpu = 0; pcpu < machine.nrPcpus; pcpu++) this.see(pcpu);
  }

  /** Look at the machine after event number `event` of the workload, and for `times` - 1 more that leave it as it is. */
  look(event: number, times = 1): void {
    if (this.loads.any || this.switches.any || this.shimLoads?.any === true || this.looks === 0)
      this.lookAtChanged(event);
    this.looks += times;
    if (this.audited) this.lookAtAudit(event);
  }

  private lookAtChanged(event: number): void {
    const { loads, switches, shimLoads } = this;
    let changed = this.looks === 0;
    for (let pcpu = loads.take(); pcpu >= 0; pcpu = loads.take()) if (this.see(pcpu)) changed = true;
    for (let cpu = switches.take(); cpu >= 0; cpu = switches.take()) if (this.see(cpu)) changed = true;
    if (shimLoads !== undefined) {
      changed = true;
      for (let vcpu = shimLoads.take(); vcpu >= 0; vcpu = shimLoads.take()) this.seeInside(vcpu);
    }
    if (!changed) return;
    this.guest.look(event);
    this.xen.look(event);
    this.innerGuest.look(event);
    this.innerXen.look(event);
  }

  private lookAtAudit(event: number): void {
    const { machine, audit } = this;
    const refused = machine.xen.refused();
    if (refused === this.refusedBefore) return;
    this.refusedBefore = refused;
    audit.violations++;
    audit.first ??= { event, what: machine.xen.lastRefusal() };
  }

  /** What `pcpu` has now. False if it is what it had: most often it has been elsewhere and is back. */
  private see(pcpu: number): boolean {
    const { machine, looks, seen } = this;
    const { percpu } = machine.linux;
    const isVcpu = pcpu < percpu.nrCpus;
    const inGuest = machine.guest_cr3(pcpu);
    const inXen = machine.xen_cr3(pcpu);
    const loaded = isVcpu ? percpu.loaded_mm[pcpu]! : NO_MM;
    const mm = isVcpu ? this.mmOf(pcpu) : NO_MM;
    const at = pcpu * SEEN;
    const isInner = isVcpu && this.inner.length > 0;
    if (
      !isInner &&
      seen[at] === inGuest &&
      seen[at + 1] === inXen &&
      seen[at + 2] === loaded &&
      seen[at + 3] === mm
    )
      return false;
    seen[at] = inGuest;
    seen[at + 1] = inXen;
    seen[at + 2] = loaded;
    seen[at + 3] = mm;
    const way = this.wayOf(pcpu, inGuest);
    this.guest.set(pcpu, inGuest === 0 ? NO_TABLE : inGuest, way, looks);
    this.xen.set(pcpu, inXen, inXen === inGuest ? way : this.wayOf(pcpu, inXen), looks);
    if (isVcpu) this.threads.set(pcpu, mm, 0, looks);
    if (isInner) this.seeInside(pcpu);
    return true;
  }

  /** What the guest, or the shim, has loaded for itself on `vcpu` now. */
  private seeInside(vcpu: number): void {
    const { machine, looks } = this;
    const inGuest = machine.inner_guest_cr3(vcpu)!;
    this.innerGuest.set(vcpu, inGuest, this.wayOf(vcpu, inGuest), looks);
    if (this.inner.length < 2) return;
    const inXen = machine.inner_xen_cr3(vcpu)!;
    this.innerXen.set(vcpu, inXen, this.wayOf(vcpu, inXen), looks);
  }

  /** mm of the task that runs on `cpu`. */
  private mmOf(cpu: number): number {
    const { tasks, percpu } = this.machine.linux;
    return tasks.mm[percpu.current[cpu]!]!;
  }

  /** Row of WAYS in which `cpu` has `mfn`; a pair's is the later of its two. */
  private wayOf(cpu: number, mfn: number): number {
    const { linux, config, host } = this.machine;
    if (mfn === host.tables.idle_table()) return 4;
    if (mfn < config.geometry.nrXenFrames) return 3;
    if (linux.percpu.loaded_mm[cpu] === INIT_MM) return 2;
    return this.mmOf(cpu) === NO_MM ? 1 : 0;
  }

  /** It looks no more, and the next watch takes its memory. */
  end(): void {
    for (const watched of this.all) watched.end();
  }

  private get all(): readonly Watched[] {
    return [this.guest, this.xen, this.innerGuest, this.innerXen, this.threads];
  }

  /** What was found, in a fixed order. */
  properties(workload: string): PropertyResult[] {
    const { looks } = this;
    const { nrCpus } = this.machine.config.geometry;
    for (const watched of this.all) watched.count(looks);
    const pairs = (nrCpus * (nrCpus - 1)) / 2;
    const found: [Name, number, Found][] = [
      ["exclusive_in_guest", looks, this.guest],
      ["exclusive_in_xen", looks, this.xen],
      ["audit_accepts", this.audited ? looks : 0, this.audit],
      ...this.inner.map((name, i): [Name, number, Found] => [
        name,
        looks * pairs,
        i === 0 ? this.innerGuest : this.innerXen,
      ]),
    ];
    const always = found
      .filter(([, checked]) => checked > 0)
      .map(([name, checked, { violations, ways, first }]) => ({
        name,
        kind: "always" as const,
        statement: STATEMENTS[name],
        holds: violations === 0,
        checked,
        violations,
        ways: WAYS.map((what, i) => ({ what, count: ways[i]! })).filter(({ count }) => count > 0),
        ...(first === undefined ? {} : { first: { workload, ...first } }),
      }));
    return [...always, this.threadsRunTogether()];
  }

  private threadsRunTogether(): PropertyResult {
    const name = "threads_run_together";
    return {
      name,
      kind: "sometimes",
      statement: STATEMENTS[name],
      holds: this.threads.violations > 0,
      checked: this.looks,
      violations: 0,
      ways: [],
    };
  }
}

/** Properties of several workloads in one list: a property holds if it held everywhere. */
export function mergeProperties(lists: readonly (readonly PropertyResult[])[]): PropertyResult[] {
  const merged = new Map<string, PropertyResult>();
  for (const property of lists.flat()) {
    const before = merged.get(property.name);
    if (before === undefined) merged.set(property.name, property);
    else {
      const first = before.first ?? property.first;
      merged.set(property.name, {
        ...before,
        holds: property.kind === "always" ? before.holds && property.holds : before.holds || property.holds,
        checked: before.checked + property.checked,
        violations: before.violations + property.violations,
        ways: mergeWays(before.ways, property.ways),
        ...(first === undefined ? {} : { first }),
      });
    }
  }
  return [...merged.values()];
}

function mergeWays(a: PropertyResult["ways"], b: PropertyResult["ways"]): PropertyResult["ways"] {
  const sums = new Map<string, number>();
  for (const { what, count } of [...a, ...b]) sums.set(what, (sums.get(what) ?? 0) + count);
  const order = (what: string) => WAYS.indexOf(what as (typeof WAYS)[number]);
  return [...sums].map(([what, count]) => ({ what, count })).sort((x, y) => order(x.what) - order(y.what));
}

/** The verdict that follows from the properties, and why. */
export function verdictOf(properties: readonly PropertyResult[]): { verdict: Verdict; reason: string } {
  const broken = (name: Name) => properties.find((p) => p.name === name && !p.holds);
  const refused = broken("audit_accepts");
  const guest = broken("exclusive_in_guest");
  if (refused !== undefined) {
    const { what, workload, event } = refused.first!;
    const audit = `its own audit must refuse the guest ${refused.violations} times, first ${what} (${workload}, event ${event})`;
    return {
      verdict: "breaks",
      reason: guest === undefined ? audit : `${audit}; let through, ${seen(guest)}`,
    };
  }
  if (guest !== undefined) {
    return {
      verdict: "breaks",
      reason: `while guests run, ${seen(guest)}`,
    };
  }
  const xen = broken("exclusive_in_xen");
  if (xen !== undefined) {
    return {
      verdict: "guest-mode-only",
      reason: `while Xen runs, ${seen(xen)}`,
    };
  }
  const inner = (Object.keys(WITHIN) as (keyof typeof WITHIN)[]).map(broken).find((p) => p !== undefined);
  const within = inner === undefined ? "" : `; ${WITHIN[inner.name as keyof typeof WITHIN]} ${waysOf(inner)}`;
  return {
    verdict: "keeps",
    reason: `no pCPU pair was ever seen with one L4, in a guest or in Xen${within}`,
  };
}

/** How a property was broken, commonest first, and where first. */
function seen(property: PropertyResult): string {
  return `two pCPUs have ${waysOf(property)}`;
}

function waysOf({ name, ways, first }: PropertyResult): string {
  const kinds = [...ways]
    .sort((a, b) => b.count - a.count)
    .map(({ what, count }) => `${what} (seen ${count} times)`);
  return `one ${name === "guest_l3_exclusive" ? "L3" : "L4"}: ${kinds.join("; ")}; first in ${first!.workload}, event ${first!.event}`;
}
