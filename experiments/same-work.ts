/**
 * "The work in Linux is exactly the same work we'd need to do in Xen" (xen-devel, 2018), as an experiment.
 *
 * Both sides keep top-level tables alike: option 1 in Linux, with a table pair per thread, per process and vCPU, or per
 * vCPU; option 2 in Xen, by copies. Per recording, what each of them does beyond the baseline is laid side by side, in the
 * same four units; the answer is made from these numbers, and says something else where they do.
 *
 * Differs: entries that Linux copies into a fresh pair are counted as memcpy() has them, present or not, as Xen's copies
 *          are: 512 and 256 quadwords.
 */
import type { EventCounts } from "../abi/ledger.js";
import type { EventName } from "../abi/events.js";
import type { Proposal } from "../abi/proposal.js";
import type { CostResult, SameWork, SameWorkAnswer, SameWorkRow } from "./results.js";

/** The rows that are compared when none are named: option 1 as A (lazy, eager), B and C; option 2. */
export const SAME_WORK_PROPOSALS = [
  "linux-per-thread",
  "linux-per-thread-eager",
  "linux-per-mm-vcpu",
  "linux-per-vcpu",
  "xen-vcpu-root",
  "xpti",
] as const;

/** Quadwords of a fresh pair: the user half twice, the kernel half once. */
const ENTRIES_OF_PAIR = 3 * 256;
/** Entries that one load compares: the user half. */
const ENTRIES_OF_LOAD = 256;

/** Work is the same if neither side does more than this many times the other's. */
const SAME = 1.25;

/** What is compared, and what a sentence calls it. */
const MEASURES = [
  ["syncOperations", "times that a top-level table is brought up to date"],
  ["entriesWritten", "entries written for it"],
  ["flushes", "full TLB flushes beyond the baseline's"],
  ["ipis", "interrupts to other pCPUs beyond the baseline's"],
] as const satisfies readonly (readonly [keyof SameWorkRow, string])[];

type Measure = (typeof MEASURES)[number][0];

/** Where a proposal keeps top-level tables alike: 1 in Linux, 2 in Xen; 0 nowhere, or in a container of its own. */
export function optionOf({ linux, xen, kind }: Proposal): 0 | 1 | 2 {
  if (kind === "control" || xen.container !== "pv") return 0;
  if (linux.top !== "shared-pgd") return 1;
  return xen.root === "shared" ? 0 : 2;
}

/** The counts of one proposal on one recording, beyond the baseline's, in the four units. */
export function sameWorkRow(
  proposal: string,
  option: 1 | 2,
  counts: EventCounts,
  base: EventCounts,
  cycles: number,
): SameWorkRow {
  const of = (name: EventName): number => counts[name] ?? 0;
  const more = (name: EventName): number => of(name) - (base[name] ?? 0);
  const pairs = more("top_pair_alloc");
  const loads = Math.round(of("top_slots_compared") / ENTRIES_OF_LOAD);
  const fanOut = of("top_fanout_set") + of("top_fanout_clear");
  const l4Writes = more("l4e_set") + more("l4e_cleared") + more("l4e_changed");
  return {
    proposal,
    option,
    syncOperations: of("l4_copy") + of("top_sync_fault") + pairs + loads + fanOut,
    entriesWritten: of("l4_slots_copied") + l4Writes + pairs * ENTRIES_OF_PAIR,
    entriesCompared: of("top_slots_compared"),
    tablesAudited: more("promote_l4"),
    flushes: more("tlb_flush"),
    ipis: more("ipi_sent"),
    ofModeSwitches: Math.min(of("l4_copy"), of("toggle_guest_mode")),
    cycles,
  };
}

/** Lay the rows of a recording side by side, and say what they come to. */
export function answerOf(workload: string, rows: readonly SameWorkRow[]): SameWorkAnswer {
  const linux = rows.filter(({ option }) => option === 1);
  const xen = rows.find(({ option }) => option === 2);
  if (linux.length === 0 || xen === undefined) return { workload, same: false, rows, answer: "" };
  const likest = linux
    .map((row) => ({ row, same: MEASURES.filter(([measure]) => isSame(row[measure], xen[measure])) }))
    .sort((a, b) => b.same.length - a.same.length)[0]!;
  const same = likest.same.length === MEASURES.length;
  const sentences = MEASURES.map(([measure, what]) => compare(measure, what, linux, xen));
  const verdict = same
    ? `the same work: ${likest.row.proposal} and ${xen.proposal} do as much of each`
    : likest.same.length === 0
      ? "not the same work by any measure"
      : `not the same work: by ${likest.same.length} of ${MEASURES.length} measures at most (${likest.row.proposal})`;
  return {
    workload,
    same,
    rows,
    answer: [`${verdict}.`, ...sentences, modeSwitches(xen, linux)].join(" ").trim(),
  };
}

/** The answers of all recordings in one. */
export function sameWork(answers: readonly SameWorkAnswer[]): SameWork {
  const held = answers.filter(({ same }) => same).map(({ workload }) => workload);
  const claim =
    answers.length > 0 && held.length === answers.length
      ? "It is the same work, on every recording."
      : held.length === 0
        ? "It is not the same work, on any recording."
        : `It is the same work on ${held.join(", ")}, and not on the other ${answers.length - held.length}.`;
  return { claim: SEED, answer: claim, workloads: answers };
}

/** Whose cost is what, from an evaluation's costs: the rows of each recording. */
export function rowsOf(
  proposals: readonly { name: string; option: 0 | 1 | 2; cost: readonly CostResult[] }[],
  baseline: readonly CostResult[],
): SameWorkAnswer[] {
  return baseline.map(({ workload, counts }, w) => {
    const rows = proposals.flatMap(({ name, option, cost }) =>
      option === 0 ? [] : [sameWorkRow(name, option, cost[w]!.counts, counts, cost[w]!.versus.cycles.likely)],
    );
    return answerOf(workload, rows);
  });
}

const SEED = "the work in Linux is exactly the same work we'd need to do in Xen";

function isSame(a: number, b: number): boolean {
  if (a <= 0 || b <= 0) return a <= 0 && b <= 0;
  return a / b <= SAME && b / a <= SAME;
}

/** One sentence: the least and the most of option 1, against option 2. */
function compare(measure: Measure, what: string, linux: readonly SameWorkRow[], xen: SameWorkRow): string {
  const sorted = [...linux].sort((a, b) => a[measure] - b[measure]);
  const [least, most] = [sorted[0]!, sorted.at(-1)!];
  const one = (row: SameWorkRow) => `${grouped(row[measure])} (${row.proposal})`;
  const range = least[measure] === most[measure] ? one(most) : `${one(least)} to ${one(most)}`;
  const head = `${what[0]!.toUpperCase()}${what.slice(1)}: ${range} in Linux, ${grouped(xen[measure])} in Xen (${xen.proposal})`;
  return `${head}; ${relation(least[measure], most[measure], xen[measure])}.`;
}

/** What least and most of option 1 are of option 2's. */
function relation(least: number, most: number, xen: number): string {
  if (isSame(least, xen) && isSame(most, xen)) return "the same";
  if (xen <= 0) return least > 0 ? "Linux's alone" : "Xen needs none, Linux not always";
  if (most <= 0) return "Xen's alone";
  if (least > xen) return `Linux does ${ratio(least, most, xen)} as much`;
  if (most < xen) return `Xen does ${ratioOf(xen, most, least)} as much`;
  return "it depends on the design";
}

function ratio(least: number, most: number, xen: number): string {
  const [low, high] = [times(least / xen), times(most / xen)];
  return low === high ? low : `${low} to ${high}`;
}

function ratioOf(xen: number, most: number, least: number): string {
  const low = times(xen / most);
  const high = least <= 0 ? "endlessly" : times(xen / least);
  return low === high ? low : least <= 0 ? `at least ${low}` : `${low} to ${high}`;
}

function times(r: number): string {
  return `${r < 10 ? Number(r.toPrecision(2)) : grouped(Number(r.toPrecision(2)))} times`;
}

/** Copies at switches of mode have no counterpart in Linux; the others are held against the nearest design of Linux's. */
function modeSwitches(
  { proposal, syncOperations, ofModeSwitches }: SameWorkRow,
  linux: readonly SameWorkRow[],
): string {
  if (syncOperations <= 0 || ofModeSwitches <= 0) return "";
  const percent = Number(((100 * ofModeSwitches) / syncOperations).toFixed(1));
  const others = syncOperations - ofModeSwitches;
  const far = (row: SameWorkRow) => Math.abs(Math.log((row.syncOperations + 1) / (others + 1)));
  const nearest = [...linux].sort((a, b) => far(a) - far(b))[0]!;
  const as = isSame(nearest.syncOperations, others) ? "as many as" : "against";
  return (
    `Of ${proposal}'s copies, ${percent} % go with switches between user and kernel mode, at which Linux changes nothing;` +
    ` the other ${grouped(others)} are ${as} ${nearest.proposal}'s ${grouped(nearest.syncOperations)}.`
  );
}

function grouped(n: number): string {
  return String(n).replace(/\B(?=(\d{3})+$)/g, ",");
}
