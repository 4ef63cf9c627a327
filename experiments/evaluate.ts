/**
 * The evaluation: all proposals on all workloads, priced, compared with the baseline, and judged.
 *
 * A cell is one workload under all proposals, so that they share one import; cells go to workers and their
 * results come back in the order of the workloads, so that the number of workers changes no byte.
 */
import { cpus } from "node:os";
import { basename } from "node:path";
import type { EventCounts } from "../abi/ledger.js";
import type { Proposal } from "../abi/proposal.js";
import { isOfThisThread } from "../machine/known-designs.js";
import { inputFile } from "./input-file.js";
import { BASELINE, loadProposals } from "./load-proposal.js";
import { priceGroups, priceLedger } from "./costs/price.js";
import { compare } from "./costs/comparison.js";
import { PriceDraws } from "./costs/draws.js";
import { readProfile, type Profile } from "./costs/profile.js";
import { coefficientsOf, termPrices } from "./costs/terms.js";
import type { Bracket, CostResult, Evaluation, PairResult, ProposalResult } from "./results.js";
import { mergeProperties, verdictOf } from "./run/promise.js";
import { secretsColumn } from "./secrets/column.js";
import { DEFAULT_HOST } from "./secrets/host-spec.js";
import { type Staircase, staircase } from "./secrets/staircase.js";
import { runWorkload, type CellResult, type RunOutcome } from "./run/run-workload.js";
import { optionOf, rowsOf, sameWork } from "./same-work.js";
import { version } from "../package.json";

export { BASELINE, loadProposal, loadProposals } from "./load-proposal.js";

/** A guest's image by name, and what its notes say of a flag. */
export interface Kernel {
  readonly file: string;
  readonly image: string;
  readonly negotiates: (flag: NonNullable<Proposal["feature"]>) => { negotiates: boolean; reason: string };
}

export interface EvaluateOptions {
  readonly workloads: readonly string[];
  /** Names, YAML files, or proposals themselves; none: all that come along. */
  readonly proposals: readonly (string | Proposal)[];
  /** A name, a YAML file, or a profile itself. */
  readonly profile: string | Profile;
  readonly strict: boolean;
  /** Of the draws of the prices; 0 if none is given. */
  readonly seed?: number;
  /** Worker threads; a design that was registered at run time runs in this one. */
  readonly workers: number;
  readonly kernel?: Kernel;
  /** Told when cells are done, of how many. */
  readonly onProgress?: (done: number, of: number) => void;
}

/** Run everything. Errors: BadInput for any input that cannot be used. */
export async function evaluate(options: EvaluateOptions): Promise<Evaluation> {
  const began = performance.now();
  const proposals = loadProposals(options.proposals);
  const profile = typeof options.profile === "string" ? readProfile(options.profile) : options.profile;
  const cells = await runCells(options, proposals, profile);
  const { seed = 0 } = options;
  const draws = new PriceDraws(profile, seed);
  const results = proposals.map((proposal, i) => judge(proposal, i, cells, { profile, draws }, options));
  const stairs = await cheapestStaircase(proposals, results);
  const compared = proposals.map((proposal, i) => ({
    name: proposal.name,
    option: optionOf(proposal),
    cost: results[i]!.cost,
  }));
  const bothOptions = [1, 2].every((option) => compared.some((one) => one.option === option));

  return {
    format: 1,
    pvtwin: version,
    baseline: BASELINE,
    seed,
    draws: draws.n,
    profile: {
      name: profile.name,
      title: profile.title,
      conditions: profile.conditions,
      unit: profile.unit,
    },
    workloads: cells.map((cell) => cell.workload),
    proposals: results,
    comparisons: cells.flatMap((cell) => pairs(cell, { profile, draws })),
    inputs: {
      workloads: options.workloads.map(inputFile),
      proposals,
      profile,
      strict: options.strict,
      kernel: options.kernel === undefined ? null : inputFile(options.kernel.file),
    },
    ...(stairs === undefined ? {} : { staircase: stairs }),
    ...(bothOptions ? { sameWork: sameWork(rowsOf(compared, results[0]!.cost)) } : {}),
    notModelled: [
      ...NOT_MODELLED,
      ...proposals.flatMap(({ name, notModelled }) => notModelled.map((line) => `${name}: ${line}`)),
    ],
    host: {
      date: new Date().toISOString(),
      node: process.version,
      cpu: cpus()[0]?.model ?? "unknown",
      workers: options.workers,
      seconds: (performance.now() - began) / 1000,
      speed: cells.map((cell) => ({
        workload: cell.workload.name,
        importEventsPerSecond: Math.round(cell.speed.importEventsPerSecond),
        simulation: cell.outcomes.map((outcome, i) => ({
          proposal: proposals[i]!.name,
          eventsPerSecond: Math.round(outcome.eventsPerSecond),
        })),
      })),
    },
  };
}

async function runCells(
  options: EvaluateOptions,
  proposals: Proposal[],
  profile: Profile,
): Promise<CellResult[]> {
  const cells = options.workloads.map((file) => ({
    file,
    proposals,
    machine: profile.machine,
    strict: options.strict,
  }));
  let done = 0;
  const finished = (cell: CellResult): CellResult => {
    options.onProgress?.(++done, cells.length);
    return cell;
  };
  if (options.workers <= 1 || proposals.some(isOfThisThread)) {
    const results: CellResult[] = [];
    for (const cell of cells) results.push(finished(await runWorkload(cell)));
    return results;
  }
  const { runInWorkers } = await import("./run/workers.js");
  return runInWorkers(cells, options.workers, finished);
}

/** What prices counts. */
interface Pricing {
  readonly profile: Profile;
  readonly draws: PriceDraws;
}

function judge(
  proposal: Proposal,
  index: number,
  cells: readonly CellResult[],
  pricing: Pricing,
  options: EvaluateOptions,
): ProposalResult {
  const properties = mergeProperties(cells.map((cell) => cell.outcomes[index]!.properties));
  const feature = proposal.feature;
  return {
    name: proposal.name,
    kind: proposal.kind,
    title: proposal.title,
    question: proposal.question,
    ...verdictOf(properties),
    properties,
    cost: cells.map((cell) => cost(cell, cell.outcomes[index]!, cell.outcomes[0]!, pricing)),
    secrets: secretsColumn(proposal),
    compat: {
      feature: feature?.name ?? null,
      oldGuest: OLD_GUEST[proposal.fallback],
      ...(options.kernel === undefined || feature === undefined
        ? {}
        : { kernel: { image: basename(options.kernel.image), ...options.kernel.negotiates(feature) } }),
    },
    limits: proposal.limits,
    memoryBytes: cells.map((cell) => ({ workload: cell.workload.name, ...cell.outcomes[index]!.memory })),
    patches: null,
  };
}

const OLD_GUEST: Record<Proposal["fallback"], string> = {
  none: "runs as before: the guest's side of the ABI does not change",
  "audit-refuse": "is refused by the audit",
  xpti: "runs under XPTI",
  shim: "runs in xen-shim, in a PVH container",
};

function cost(
  cell: CellResult,
  outcome: RunOutcome,
  baseline: RunOutcome,
  { profile, draws }: Pricing,
): CostResult {
  const { cycles, ledger } = priceLedger(profile, outcome.counts, outcome.byCause);
  const base = priceLedger(profile, baseline.counts, baseline.byCause).cycles;
  const [mine, its] = [outcome, baseline].map(({ counts }) => coefficientsOf(profile, counts));
  const { cycles: difference, ...firmness } = compare(profile, draws, mine!, its!);
  return {
    workload: cell.workload.name,
    cycles,
    versus: { baseline: BASELINE, cycles: difference, percent: percentOf(difference, base), ...firmness },
    groups: priceGroups(profile, outcome.counts, baseline.counts),
    ledger,
    timeline: overTime(profile, outcome.bins),
    counts: outcome.counts,
  };
}

/** Likely cycles, in whole numbers. Shape: [vCPU][part of the recording]. */
function overTime(profile: Profile, bins: RunOutcome["bins"]): number[][] {
  const prices = termPrices(profile, "likely");
  const cycles = (counts: EventCounts): number =>
    Math.round(coefficientsOf(profile, counts).reduce((sum, n, t) => sum + n * prices[t]!, 0));
  return bins[0]!.map((_, vcpu) => bins.map((part) => cycles(part[vcpu]!)));
}

/** The staircase of the cheapest proposal that keeps the promise, by its likely cycles over all recordings. */
async function cheapestStaircase(
  proposals: readonly Proposal[],
  results: readonly ProposalResult[],
): Promise<Staircase | undefined> {
  const inAll = ({ cost: costs }: ProposalResult) =>
    costs.reduce((sum, { cycles }) => sum + cycles.likely, 0);
  const [best] = results
    .filter(({ kind, verdict, secrets }) => kind === "proposal" && verdict === "keeps" && secrets !== null)
    .filter(({ name }) => proposals.find((p) => p.name === name)!.xen.container === "pv")
    .sort((a, b) => inAll(a) - inAll(b));
  if (best === undefined) return undefined;
  const options = { host: DEFAULT_HOST, eptPublic: false, speculation: { meltdown: false, l1tf: false } };
  return staircase(
    proposals.find(({ name }) => name === best.name)!,
    proposals[0]!,
    options,
  );
}

/** Each two proposals but the baseline, which comes first. */
function pairs(cell: CellResult, { profile, draws }: Pricing): PairResult[] {
  const [, ...others] = cell.outcomes;
  const times = others.map(({ counts }) => coefficientsOf(profile, counts));
  return others.flatMap(({ proposal: a }, i) =>
    others.slice(i + 1).map(({ proposal: b }, j): PairResult => ({
      workload: cell.workload.name,
      a,
      b,
      ...compare(profile, draws, times[i]!, times[i + 1 + j]!),
    })),
  );
}

/** In percent of the baseline's likely cycles; of its low ones the share would be larger, of its high ones smaller. */
function percentOf(difference: Bracket, base: Bracket): Bracket {
  const of = (n: number) => (base.likely === 0 ? 0 : (100 * n) / base.likely);
  return { low: of(difference.low), likely: of(difference.likely), high: of(difference.high) };
}

/** What the numbers do not contain, for every report to say. */
const NOT_MODELLED = [
  "cache misses, lock contention and the guest kernel's own instructions, which are the same in all proposals",
  "TLB refills by access: a recording has faults, not accesses; who runs after a flush is charged a bracket of misses",
  "the boot matrix, and the patches",
];
