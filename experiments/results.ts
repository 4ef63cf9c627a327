/**
 * The form of results.json: what an evaluation found, and nothing about the machine that found it.
 *
 * Everything but `host` is a function of the input files, the proposals, the profile and the seed: two runs
 * give the same bytes, on any number of workers.
 */
import type { Cause } from "../abi/ledger.js";
import type { EventName } from "../abi/events.js";
import type { LayoutOptions, Proposal } from "../abi/proposal.js";
import type { SecretClass } from "../xen-model/layout/census.js";
import type { Staircase } from "./secrets/staircase.js";
import type { ConstantName, Profile } from "./costs/profile.js";

/** A bracketed number. Units: those of the field that holds it. */
export interface Bracket {
  readonly low: number;
  readonly likely: number;
  readonly high: number;
}

/** keeps: always; guest-mode-only: while guests run, but not while Xen does; breaks: neither. */
export type Verdict = "keeps" | "guest-mode-only" | "breaks";

export interface PropertyResult {
  readonly name: string;
  readonly kind: "always" | "sometimes";
  /** The sentence that a report prints. */
  readonly statement: string;
  readonly holds: boolean;
  /** How often it was looked at, and was false. */
  readonly checked: number;
  readonly violations: number;
  /** How it came to be false, and how often in each way; empty where no ways are told apart. */
  readonly ways: readonly { readonly what: string; readonly count: number }[];
  /** Where it was false first: recording, event number, and what was seen there. */
  readonly first?: { readonly workload: string; readonly event: number; readonly what: string };
}

/** One line of a cost: an event kind, priced. */
export interface LedgerLine {
  readonly event: EventName;
  /** What the event is: abi/events.ts. */
  readonly what: string;
  readonly count: number;
  readonly byCause: Partial<Record<Cause, number>>;
  /** Cycles for one, and for all. */
  readonly price: Bracket;
  readonly cycles: Bracket;
  /** How the price is made up, and from which source. */
  readonly priceSource: string;
}

/** Over draws: 5th percentile, median, 95th percentile. */
export interface Interval {
  readonly p5: number;
  readonly p50: number;
  readonly p95: number;
}

/** How firm a difference is: over the draws of the prices, and by the constants that it hangs on. */
export interface Firmness {
  readonly interval: Interval;
  /** Share of the draws in which the first is cheaper. */
  readonly probabilityCheaper: number;
  /** Constants that move the difference, the strongest first. */
  readonly drivers: Driver[];
}

/** A constant, and what its bracket does to a difference, the others being at their likely values. */
export interface Driver {
  readonly constant: ConstantName;
  /** The difference with this constant at its low and at its high end. */
  readonly atLow: number;
  readonly atHigh: number;
  /** The value at which the difference is zero; null where no value, from zero up, makes it so. */
  readonly turnsAt: number | null;
  /** Whether that lies within the constant's bracket. */
  readonly within: boolean;
}

/** Two proposals other than the baseline on one recording: cycles of `a` minus those of `b`. */
export interface PairResult extends Firmness {
  readonly workload: string;
  readonly a: string;
  readonly b: string;
  readonly cycles: Bracket;
}

export interface CostResult {
  readonly workload: string;
  /** Cycles in Xen and the processor that the pagetable work and mode switches of the recording cost. */
  readonly cycles: Bracket;
  /** The same minus the baseline's, each constant at one value on both sides; and in percent of it. Bounds are exact. */
  readonly versus: Firmness & {
    readonly baseline: string;
    readonly cycles: Bracket;
    readonly percent: Bracket;
  };
  /** Cycles of difference by group of events, likely: what the difference is made of. */
  readonly groups: { readonly group: string; readonly cycles: number; readonly versusCycles: number }[];
  readonly ledger: LedgerLine[];
  /** Likely cycles over the time of the recording. Shape: [vCPU][equal parts of it]; left out where none was kept. */
  readonly timeline?: readonly (readonly number[])[];
  /** Events counted, priced or not. */
  readonly counts: Partial<Record<EventName, number>>;
}

/** The most of each class of secrets that any pCPU reaches, and of all together. Units: bytes. */
export interface SecretsReached {
  readonly classes: Readonly<Record<SecretClass, number>>;
  readonly secretBytes: number;
}

export interface SecretsResult {
  readonly host: {
    readonly memoryBytes: number;
    readonly pcpus: number;
    readonly domains: number;
    readonly vcpus: number;
  };
  readonly layout: LayoutOptions;
  /** While Xen runs on behalf of a guest of any type, or idles. */
  readonly inXen: SecretsReached;
  /** While a guest of the type that the proposal is about runs, on a processor that ignores U/S when it speculates. */
  readonly inGuest: SecretsReached;
}

export interface ProposalResult {
  readonly name: string;
  /** A control is no change that anybody proposes: the others are held against it. */
  readonly kind: "proposal" | "control";
  readonly title: string;
  readonly question: string;
  readonly verdict: Verdict;
  /** One sentence: why this verdict. */
  readonly reason: string;
  readonly properties: PropertyResult[];
  readonly cost: CostResult[];
  /** Bytes of secrets in reach of any pCPU: `pvtwin secrets` says more. Null for roots that no layout has. */
  readonly secrets: SecretsResult | null;
  readonly compat: {
    readonly feature: string | null;
    /** What happens to a guest that does not know the feature. */
    readonly oldGuest: string;
    /** The image named with --kernel: could it negotiate the flag? */
    readonly kernel?: { readonly image: string; readonly negotiates: boolean; readonly reason: string };
  };
  /** What a guest cannot have under it. */
  readonly limits: readonly string[];
  /** Most bytes of top-level tables in use at one time, by recording: guest's and Xen's. */
  readonly memoryBytes: { readonly workload: string; readonly guest: number; readonly xen: number }[];
  /** The series behind it, for each tree that was named; null where none was, or none is written. */
  readonly patches: readonly PatchTotals[] | null;
}

/** What a series touches on one side. */
export interface PatchTotals {
  /** The tree it was made for: "Linux 6.1.192". */
  readonly base: string;
  readonly patches: number;
  readonly files: number;
  readonly insertions: number;
  readonly deletions: number;
  /** Functions that are there before and change. */
  readonly functions: number;
  /** People and lists by MAINTAINERS. */
  readonly recipients: number;
  readonly layers: readonly {
    readonly layer: string;
    readonly files: number;
    readonly insertions: number;
    readonly deletions: number;
  }[];
}

export interface WorkloadResult {
  readonly name: string;
  readonly file: string;
  /** Recorded: seconds and events. */
  readonly seconds: number;
  readonly events: number;
  readonly cpus: number;
  readonly syscalls: number;
  readonly faults: number;
  readonly switches: number;
  /** Without raw_syscalls:sys_enter, XPTI's cost is a lower bound; the remedy is in `notes`. */
  readonly lowerBound: boolean;
  /** Warnings of the import, which say where and whether it is damage, and assumptions of the run; each with its count. */
  readonly notes: {
    readonly what: string;
    readonly count: number;
    readonly firstLine?: number;
    readonly damage?: boolean;
  }[];
}

/** A file that was read, and what was in it. */
export interface InputFile {
  /** As it was named; of a recording that comes along, where it is in the package. */
  readonly file: string;
  readonly sha256: string;
}

export interface Inputs {
  readonly workloads: InputFile[];
  readonly proposals: Proposal[];
  readonly profile: Profile;
  readonly strict: boolean;
  readonly kernel: InputFile | null;
}

/** What a proposal does to keep top-level tables alike, beyond the baseline; see same-work.ts. */
export interface SameWorkRow {
  readonly proposal: string;
  /** 1: in Linux, 2: in Xen. */
  readonly option: 1 | 2;
  /** Copies, synchronising faults, loads that compare, pairs made, slots written to a replica. */
  readonly syncOperations: number;
  readonly entriesWritten: number;
  readonly entriesCompared: number;
  /** L4s that Xen audits. */
  readonly tablesAudited: number;
  /** Full flushes, and interrupts to other pCPUs. */
  readonly flushes: number;
  readonly ipis: number;
  /** Of the copies: those that a switch between user and kernel mode asks for. */
  readonly ofModeSwitches: number;
  /** Cycles, likely, of all that differs. */
  readonly cycles: number;
}

export interface SameWorkAnswer {
  readonly workload: string;
  /** Does some design of Linux's as much as Xen's first, by every measure? */
  readonly same: boolean;
  readonly rows: readonly SameWorkRow[];
  readonly answer: string;
}

export interface SameWork {
  readonly claim: string;
  readonly answer: string;
  readonly workloads: readonly SameWorkAnswer[];
}

export interface Evaluation {
  readonly format: 1;
  readonly pvtwin: string;
  readonly baseline: string;
  readonly seed: number;
  readonly profile: {
    readonly name: string;
    readonly title: string;
    readonly conditions: string;
    /** What all of `cycles` is in: cycles, or instructions. */
    readonly unit: string;
  };
  /** Draws of the prices behind each probability, from `seed`. */
  readonly draws: number;
  readonly workloads: WorkloadResult[];
  readonly proposals: ProposalResult[];
  /** Each two proposals but the baseline, on each recording. */
  readonly comparisons: PairResult[];
  /** All that this follows from, for a rerun. */
  readonly inputs: Inputs;
  /** From today to a Xen that maps no secrets, by the cheapest proposal that keeps the promise; left out where none does. */
  readonly staircase?: Staircase;
  /** Is it the same work in Linux and in Xen? Left out where one of the sides is not among the proposals. */
  readonly sameWork?: SameWork;
  /** What the numbers do not contain. */
  readonly notModelled: string[];
  /** Wall-clock and host facts; not reproducible, and in no other field. */
  readonly host: {
    readonly date: string;
    readonly node: string;
    readonly cpu: string;
    readonly workers: number;
    readonly seconds: number;
    /** Events per second: of each import, and of each simulation. */
    readonly speed: {
      readonly workload: string;
      readonly importEventsPerSecond: number;
      readonly simulation: { readonly proposal: string; readonly eventsPerSecond: number }[];
    }[];
  };
}
