/**
 * A proposal checked: one exploration after another, until each property is decided.
 *
 * An exploration goes on behind a violation, so that every property gets its verdict; depth-first or at random it ends there, and
 * the next one leaves out what is violated. What must happen in the end is looked at last, by itself, as it needs all states at
 * once. A mutant is done with as soon as the property that must catch it has.
 */
import { join } from "node:path";
import { BadInput } from "../../abi/bad-input.js";
import type { Proposal } from "../../abi/proposal.js";
import { explore, type StrategyOptions } from "../../checker/explore.js";
import type { ModelSource } from "../../checker/model.js";
import type { Outcome, PropertyResult } from "../../checker/outcome.js";
import { sayWhatItRestsOn } from "../../checker/statement.js";
import { boundsFor, mutantOf } from "./mutants.js";
import { notModelled } from "./not-modelled.js";
import { makePvModel, type PvModel, type PvModelOptions } from "./pv-model.js";
import type { Bounds } from "./bounds.js";

export interface CheckOptions extends StrategyOptions {
  readonly proposal: Proposal;
  readonly sizes: Bounds;
  readonly mutant?: string;
  readonly guest?: "linux" | "any";
  /** Look at what must happen in the end, too; default true. */
  readonly progress?: boolean;
}

export interface CheckResult {
  readonly proposal: string;
  readonly mutant?: string;
  readonly verdict: Outcome["verdict"];
  readonly bounds: Bounds;
  readonly states: number;
  readonly transitions: number;
  readonly depth: number;
  readonly seconds: number;
  readonly properties: readonly PropertyResult[];
  /** What the verdict rests on, a sentence each. */
  readonly soundness: readonly string[];
  /** The model that was explored first: it runs the counterexamples. */
  readonly model: PvModel;
}

/** Designs whose state the checker can write down. */
const KNOWN_TOPS = ["shared-pgd", "per-thread", "per-mm-vcpu", "per-vcpu"];

/** Where the model of a check is made, in each thread anew. */
export function pvSource(options: PvModelOptions): ModelSource {
  return { module: join(__dirname, "pv-model"), make: "makePvModel", options };
}

/** Errors: BadInput for a design that the checker does not know, and for bounds that make no scene. */
export async function checkProposal(asked: CheckOptions): Promise<CheckResult> {
  const { caughtBy: wanted, inTheEnd = false } = mutantOf(asked.mutant);
  const options = { until: [wanted], ...asked, sizes: boundsFor(asked.sizes, asked.mutant) };
  const { proposal, sizes, mutant } = options;
  const began = performance.now();
  refuse(options);
  const { checkpoint: _checkpoint, resume: _resume, ...inMemory } = options; // of the first exploration only
  const { onFirst: _onFirst, ...quiet } = inMemory;
  const guest = options.guest ?? mutantOf(mutant).guest ?? "linux";
  const base = { proposal, bounds: sizes, guest, ...(mutant === undefined ? {} : { mutant }) };
  const found: PropertyResult[] = [];
  const isCaught = (): boolean => found.some(({ name }) => name === wanted);
  if (inTheEnd) {
    const about: PvModelOptions = { ...base, kinds: "progress", only: wanted };
    const model = makePvModel(about);
    const looked = await explore(pvSource(about), inMemory, model);
    return resultOf(options, began, model, looked, looked.properties);
  }
  let safety: Outcome;
  let model: PvModel;
  do {
    const without = found.map(({ name }) => name);
    const about: PvModelOptions = { ...base, kinds: "safety", without };
    model = makePvModel(about);
    safety = await explore(pvSource(about), without.length === 0 ? options : inMemory, model);
    found.push(...safety.properties.filter(({ counterexample }) => counterexample !== undefined));
  } while (safety.soundness.ended === "violated" && !isCaught());
  const skips = isCaught() || options.progress === false || safety.soundness.ended === "interrupted";
  const progress = skips
    ? undefined
    : await explore(pvSource({ ...base, kinds: "progress" }), found.length > 0 ? quiet : inMemory);
  const rest = safety.properties.filter(({ counterexample }) => counterexample === undefined);
  const properties = [...found, ...rest, ...(progress?.properties ?? [])];
  return resultOf(options, began, model, safety, properties);
}

function resultOf(
  { proposal, sizes, mutant }: CheckOptions,
  began: number,
  model: PvModel,
  outcome: Outcome,
  properties: readonly PropertyResult[],
): CheckResult {
  const isViolated = properties.some(({ verdict }) => verdict === "violated" || verdict === "vacuous");
  const isOpen =
    properties.some(({ verdict }) => verdict === "open") || outcome.soundness.ended === "interrupted";
  return {
    proposal: proposal.name,
    ...(mutant === undefined ? {} : { mutant }),
    verdict: isViolated ? "violated" : isOpen ? "out-of-bounds" : "holds",
    bounds: sizes,
    states: outcome.states,
    transitions: outcome.transitions,
    depth: outcome.depth,
    seconds: (performance.now() - began) / 1000,
    properties,
    soundness: [...sayWhatItRestsOn(outcome), ...notModelled(sizes)],
    model,
  };
}

function refuse({ proposal, sizes, guest }: CheckOptions): void {
  if (!KNOWN_TOPS.includes(proposal.linux.top)) {
    const remedy = `check one of ${KNOWN_TOPS.join(", ")}, or teach experiments/check/codec.ts what it keeps`;
    throw new BadInput(
      proposal.name,
      "linux.top",
      `${proposal.linux.top} keeps what a checked state has not`,
      remedy,
    );
  }
  if (proposal.xen.container !== "pv") {
    const what = `${proposal.xen.container} guests have no steps to interleave`;
    throw new BadInput(proposal.name, "xen.container", what, "check a proposal for 64-bit PV domains");
  }
  const limits: readonly (readonly [keyof Omit<Bounds, "comeAndGo">, number, number])[] = [
    ["vcpus", 1, 4],
    ["threads", 1, 6],
    ["mms", 1, 3],
    ["slots", 1, 4],
    ["ops", 1, 9],
    ["kthreads", 0, 1],
    ["forks", 0, 3],
    ["hotplugs", 0, 3],
  ];
  for (const [name, low, high] of limits) {
    const n = sizes[name] ?? 0;
    if (!Number.isInteger(n) || n < low || n > high)
      throw new BadInput(`--${name}`, String(n), "is out of range", `give ${low} to ${high}`);
  }
  if ((sizes.kthreads ?? 0) > 0 && proposal.linux.top === "per-thread") {
    const what = "would need a pair of tables for the kernel thread, which comes and goes";
    throw new BadInput("--kthreads", proposal.name, what, "check it without");
  }
  if ((sizes.forks ?? 0) > 0 && ((sizes.kthreads ?? 0) > 0 || guest === "any")) {
    const what = "forks are of threads of Linux's alone";
    throw new BadInput("--forks", String(sizes.forks), what, "check without --kthreads and --guest any");
  }
  if ((sizes.hotplugs ?? 0) > 0 && ((sizes.forks ?? 0) > 0 || guest === "any" || sizes.vcpus === 1)) {
    const what = "are of Linux's vCPUs but the first, while no mm comes or goes";
    const remedy = "check without --forks and --guest any, and with two vCPUs or more";
    throw new BadInput("--hotplugs", String(sizes.hotplugs), what, remedy);
  }
  if (sizes.mms > sizes.threads)
    throw new BadInput("--mms", String(sizes.mms), "are more than threads", "give each process a thread");
}
