/**
 * An evaluation with numbers that could be true, for tests of what prints them. Nothing in it was simulated.
 *
 * Prices and counts are small tables here, so that the tests of tables and reports depend on no model.
 */
import type { EventName } from "../../abi/events.js";
import type { Cause } from "../../abi/ledger.js";
import type {
  Bracket,
  CostResult,
  Evaluation,
  Firmness,
  LedgerLine,
  PropertyResult,
  ProposalResult,
  Verdict,
  WorkloadResult,
} from "../../experiments/results.js";
import { readProfile } from "../../experiments/costs/profile.js";

type Counts = Partial<Record<EventName, number>>;

/** Group, cycles for one (low, likely, high), and what caused it. */
const PRICES: Partial<Record<EventName, readonly [string, number, number, number, Cause]>> = {
  syscall_entry: ["mode switch", 190, 300, 500, "syscall"],
  iret: ["mode switch", 155, 267, 492, "syscall"],
  page_fault: ["mode switch", 270, 500, 850, "fault"],
  mmu_update: ["hypercall", 190, 320, 630, "fault"],
  multicall: ["hypercall", 110, 195, 370, "switch"],
  l1e_set: ["audit", 280, 460, 820, "fault"],
  promote_l4: ["audit", 2700, 4600, 7800, "fork"],
  l4_copy: ["root copy", 156, 261, 418, "syscall"],
  l4_window: ["root copy", 30, 52, 87, "switch"],
  cr3_write: ["CR3 load", 101, 152, 254, "switch"],
  new_baseptr: ["CR3 load", 350, 575, 1060, "switch"],
  tlb_flush_domain: ["flush", 50, 86, 166, "munmap"],
  ipi_sent: ["flush", 640, 1435, 3392, "munmap"],
  top_sync_fault: ["design", 42, 72, 120, "fault"],
  top_pair_alloc: ["design", 470, 1560, 2800, "thread_create"],
};

interface Recording {
  readonly name: string;
  readonly scale: number;
  readonly threads: number;
  readonly lowerBound?: boolean;
}

const RECORDINGS: readonly Recording[] = [
  { name: "make_j2", scale: 1, threads: 1 },
  { name: "node_workers", scale: 0.4, threads: 12 },
  { name: "pgbench", scale: 1.7, threads: 1 },
  { name: "redis_bench", scale: 0.9, threads: 4, lowerBound: true },
  { name: "thread_storm", scale: 2.6, threads: 64 },
];

interface Sketch {
  readonly name: string;
  readonly title: string;
  readonly verdict: Verdict;
  readonly reason: string;
  readonly oldGuest: string;
  readonly feature?: string;
  /** Counts that differ from the baseline's. */
  readonly change: (counts: Counts, threads: number) => Counts;
  readonly memory: (threads: number) => readonly [number, number];
  readonly first?: string;
}

const SKETCHES: readonly Sketch[] = [
  {
    name: "shared",
    title: "One pgd per mm, loaded by Xen as it is",
    verdict: "breaks",
    reason: "Two threads of one process run on two pCPUs with the L4 of their process.",
    oldGuest: "runs as before: the guest's side of the ABI does not change",
    change: (counts) => counts,
    memory: () => [14 * 8192, 0],
    first: "pCPU 0 and pCPU 1 both had L4 mfn 0x1f0, in guest-user mode",
  },
  {
    name: "xpti-copy-always",
    title: "XPTI as first released (January 2018): copy the L4 at each exit to the guest",
    verdict: "guest-mode-only",
    reason: "The guest runs on a copy of its vCPU's own; inside Xen, the guest's L4 is in %cr3.",
    oldGuest: "runs as before: the guest's side of the ABI does not change",
    change: (c) => ({ ...c, l4_copy: c.iret! + c.mmu_update!, cr3_write: c.cr3_write! + 2 * c.iret! }),
    memory: () => [14 * 8192, 2 * 4096],
    first: "pCPU 0 and pCPU 1 both had L4 mfn 0x1f0, in Xen",
  },
  {
    name: "xpti",
    title: "XPTI since April 2018: copy the L4 only when it changed",
    verdict: "guest-mode-only",
    reason: "The guest runs on a copy of its vCPU's own; inside Xen, the guest's L4 is in %cr3.",
    oldGuest: "runs as before: the guest's side of the ABI does not change",
    change: (c) => ({ ...c, l4_copy: c.new_baseptr!, cr3_write: c.cr3_write! + 2 * c.iret! }),
    memory: () => [14 * 8192, 2 * 4096],
    first: "pCPU 0 and pCPU 1 both had L4 mfn 0x1f0, in Xen",
  },
  {
    name: "xen-vcpu-root",
    title: "A shadow L4 per vCPU, used inside Xen too",
    verdict: "keeps",
    reason: "Only roots of Xen's own are loaded, one for each vCPU.",
    oldGuest: "runs as before: the guest's side of the ABI does not change",
    change: (c) => ({ ...c, l4_copy: c.new_baseptr!, l4_window: c.new_baseptr! }),
    memory: () => [14 * 8192, 2 * 8192],
  },
  {
    name: "linux-per-thread",
    title: "Linux gives each thread its own pair of top-level tables, synchronised in the fault handler",
    verdict: "keeps",
    reason: "The audit refuses an L4 that is installed elsewhere, and the guest never asks for one.",
    oldGuest: "runs in xen-shim, in a PVH container",
    feature: "exclusive_l4",
    change: (c, threads) => ({
      ...c,
      promote_l4: c.promote_l4! + 2 * (threads - 1),
      top_pair_alloc: threads * 3,
      top_sync_fault: threads * 41,
      new_baseptr: c.new_baseptr! + 20 * (threads - 1),
      ipi_sent: Math.round(c.ipi_sent! * 0.94),
      tlb_flush_domain: c.tlb_flush_domain!,
    }),
    memory: (threads) => [14 * 8192 + threads * 8192, 0],
  },
];

const BASE: Counts = {
  syscall_entry: 65809,
  iret: 136623,
  page_fault: 70887,
  mmu_update: 80416,
  multicall: 1892,
  l1e_set: 331904,
  promote_l4: 194,
  cr3_write: 1892,
  new_baseptr: 946,
  tlb_flush_domain: 8110,
  ipi_sent: 1206,
  set_p4d: 412,
};

/** A plausible evaluation; made anew at each call, so that a test may change its own. */
export function evaluationFixture(): Evaluation {
  return {
    format: 1,
    pvtwin: "0.1.0",
    baseline: "shared",
    seed: 0,
    draws: 10_000,
    profile: {
      name: "skylake-pcid",
      title: "Skylake-class, PCID and INVPCID in use",
      conditions: "64-bit PV domU on Xen 4.17, Intel with PCID and INVPCID, bare metal.",
      unit: "cycles",
    },
    workloads: RECORDINGS.map(workload),
    proposals: SKETCHES.map(proposal),
    comparisons: RECORDINGS.flatMap(comparisons),
    inputs: {
      workloads: [],
      proposals: [],
      profile: readProfile("skylake-pcid"),
      strict: false,
      kernel: null,
    },
    notModelled: [
      "cache misses, lock contention and the guest kernel's own instructions",
      "TLB refills by access: a recording has faults, not accesses",
    ],
    host: {
      date: "2024-06-01T12:00:00.000Z",
      node: "v20.19.0",
      cpu: "a processor",
      workers: 2,
      seconds: 12.3,
      speed: RECORDINGS.map(({ name }) => ({
        workload: name,
        importEventsPerSecond: 812_000,
        simulation: SKETCHES.map((sketch, i) => ({
          proposal: sketch.name,
          eventsPerSecond: 410_000 - 20_000 * i,
        })),
      })),
    },
  };
}

function workload({ name, scale, lowerBound = false, threads }: Recording): WorkloadResult {
  return {
    name,
    file: `recordings/${name}.perf.txt.gz`,
    seconds: 8 * scale,
    events: Math.round(150165 * scale),
    cpus: 2,
    syscalls: lowerBound ? 0 : Math.round(65809 * scale),
    faults: Math.round(70887 * scale),
    switches: Math.round(946 * scale),
    lowerBound,
    notes: threads > 8 ? [{ what: "threads that ran before the recording began", count: threads }] : [],
  };
}

function proposal(sketch: Sketch): ProposalResult {
  return {
    kind: "proposal",
    name: sketch.name,
    title: sketch.title,
    question: "What does it cost, and does it keep two pCPUs off one L4?",
    verdict: sketch.verdict,
    reason: sketch.reason,
    properties: properties(sketch),
    cost: RECORDINGS.map((recording) => cost(sketch, recording)),
    secrets: null,
    compat: { feature: sketch.feature ?? null, oldGuest: sketch.oldGuest },
    limits: [],
    memoryBytes: RECORDINGS.map(({ name, threads }) => {
      const [guest, xen] = sketch.memory(threads);
      return { workload: name, guest, xen };
    }),
    patches: null,
  };
}

function properties({ verdict, first }: Sketch): PropertyResult[] {
  const holds = verdict === "keeps";
  return [
    {
      name: "oneCpuPerL4",
      kind: "always",
      statement: "no two pCPUs have the same L4 in %cr3",
      holds,
      checked: 1_212_431,
      violations: holds ? 0 : 341,
      ways: holds ? [] : [{ what: "two threads of one process", count: 341 }],
      ...(first === undefined ? {} : { first: { workload: "thread_storm", event: 10_412, what: first } }),
    },
    {
      name: "threadsRunTogether",
      kind: "sometimes",
      statement: "two threads of one process run on two pCPUs at once",
      holds: true,
      checked: 1_212_431,
      violations: 0,
      ways: [],
    },
  ];
}

function cost(sketch: Sketch, { name, scale, threads }: Recording): CostResult {
  const base: Counts = {};
  for (const [event, count] of Object.entries(BASE) as [EventName, number][])
    base[event] = Math.round(count * scale);
  const counts = sketch.change(base, threads);
  const cycles = sumOf(counts);
  const difference: Counts = {};
  for (const event of Object.keys({ ...base, ...counts }) as EventName[]) {
    difference[event] = (counts[event] ?? 0) - (base[event] ?? 0);
  }
  const versus = sumOf(difference);
  const of = (n: number) => (100 * n) / sumOf(base).likely;
  return {
    workload: name,
    cycles,
    versus: {
      baseline: "shared",
      cycles: versus,
      percent: { low: of(versus.low), likely: of(versus.likely), high: of(versus.high) },
      ...firmness(versus),
    },
    groups: groups(counts, difference),
    ledger: ledger(counts),
    timeline: [0, 1].map((vcpu) => Array.from({ length: 60 }, (_, i) => 1e4 * ((i * 7 + vcpu * 3) % 11))),
    counts,
  };
}

/** As evaluate() gives it: each two sketches but the baseline. */
function comparisons(recording: Recording): Evaluation["comparisons"] {
  const [, ...others] = SKETCHES.map((sketch) => ({ name: sketch.name, ...cost(sketch, recording) }));
  return others.flatMap((a, i) =>
    others.slice(i + 1).map((b) => {
      const [x, y] = [a.versus.cycles, b.versus.cycles];
      const cycles = { low: x.low - y.high, likely: x.likely - y.likely, high: x.high - y.low };
      return { workload: recording.name, a: a.name, b: b.name, cycles, ...firmness(cycles) };
    }),
  );
}

/** As of draws spread evenly over the range. */
function firmness({ low, likely, high }: Bracket): Firmness {
  const width = high - low || 1;
  return {
    interval: { p5: low + 0.05 * width, p50: likely, p95: high - 0.05 * width },
    probabilityCheaper: Math.min(1, Math.max(0, -low / width)),
    drivers: [
      { constant: "cr3_write", atLow: low, atHigh: high, turnsAt: 120, within: true },
      { constant: "l4_copy", atLow: likely - 1, atHigh: likely + 1, turnsAt: null, within: false },
    ],
  };
}

/** Priced; of a negative count, the high price makes the low end. */
function sumOf(counts: Counts): Bracket {
  const sum = { low: 0, likely: 0, high: 0 };
  for (const [event, count] of Object.entries(counts) as [EventName, number][]) {
    const price = PRICES[event];
    if (price === undefined) continue;
    sum.low += count * price[count > 0 ? 1 : 3];
    sum.likely += count * price[2];
    sum.high += count * price[count > 0 ? 3 : 1];
  }
  return sum;
}

function groups(counts: Counts, difference: Counts): CostResult["groups"] {
  const names = [...new Set(Object.values(PRICES).map(([group]) => group))];
  return names.map((group) => {
    const mine = (Object.keys(PRICES) as EventName[]).filter((event) => PRICES[event]![0] === group);
    const price = (from: Counts) =>
      mine.reduce((sum, event) => sum + (from[event] ?? 0) * PRICES[event]![2], 0);
    return { group, cycles: price(counts), versusCycles: price(difference) };
  });
}

function ledger(counts: Counts): LedgerLine[] {
  const lines = (Object.keys(PRICES) as EventName[]).filter((event) => (counts[event] ?? 0) > 0);
  return lines
    .map((event): LedgerLine => {
      const [, low, likely, high, cause] = PRICES[event]!;
      const count = counts[event]!;
      return {
        event,
        what: `what ${event} means`,
        count,
        byCause: { [cause]: count - Math.floor(count / 9), irq: Math.floor(count / 9) },
        price: { low, likely, high },
        cycles: { low: count * low, likely: count * likely, high: count * high },
        priceSource: "438 instructions, 4 LFENCE, 1 locked (measured: 438 + 548 n)",
      };
    })
    .sort((a, b) => b.cycles.likely - a.cycles.likely);
}
