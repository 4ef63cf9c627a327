/** What a sweep comes to, as plain data: groups, which workers simulate, and their cells. */
import type { Proposal } from "../../abi/proposal.js";
import type { Profile } from "../costs/profile.js";
import type { RatedWork } from "../synthetic/rates.js";

export interface RecordedWork {
  readonly recording: string;
  readonly sha256: string;
  readonly bytes: number;
}

/** What a worker runs: plain data. */
export type Work =
  | RecordedWork
  | { readonly script: { readonly file: string; readonly name: string } }
  | { readonly synthetic: RatedWork };

export function kindOf(work: Work): "recording" | "script" | "synthetic" {
  if ("recording" in work) return "recording";
  return "script" in work ? "script" : "synthetic";
}

export type Parameters = Readonly<Record<string, number | string>>;

/** Simulated once, priced once for each of its cells. */
export interface Group {
  /** Of all that its counts follow from. */
  readonly key: string;
  readonly workload: string;
  readonly work: Work;
  readonly proposal: Proposal;
  readonly machine: Profile["machine"];
  readonly seed: number;
  readonly cells: Cell[];
}

export interface Cell {
  /** Of all that its result follows from; equal keys have equal results. */
  readonly key: string;
  readonly workload: string;
  readonly proposal: string;
  readonly profile: string;
  readonly parameters: Parameters;
  /** The profile with the constants that are parameters set. */
  readonly priced: Profile;
}

export interface Sweep {
  readonly name: string;
  readonly seed: number;
  /** The parameter along which the cost can be seen to grow, if there is one (growth.ts). */
  readonly axis: string | undefined;
  readonly groups: Group[];
  /** All cells, in the order of the file. */
  readonly cells: Cell[];
}
