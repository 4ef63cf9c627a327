/**
 * The staircase: from what a proposal is today to a Xen that maps no secrets, one step at a time; what each step takes out of
 * reach, and what it costs on recorded work.
 *
 * A step that needs L4s of a pCPU's own is not possible where the roots are shared: the staircase goes on without it, and says so.
 */
import { isDeepStrictEqual } from "node:util";
import type { LayoutOptions, Proposal } from "../../abi/proposal.js";
import type { SecretClass } from "../../xen-model/layout/census.js";
import { priceDifference, priceLedger } from "../costs/price.js";
import type { Profile } from "../costs/profile.js";
import type { Bracket } from "../results.js";
import { runWorkload, workloadName } from "../run/run-workload.js";
import { rootsOf } from "./root-shape.js";
import { secretClasses, type SecretsOptions, secretsOf } from "./secrets.js";
import { leftBecause, PLAN, type StepPlan } from "./stair-plan.js";

/** One row. Units: bytes; cycles on the recording. */
export interface StairStep {
  readonly name: string;
  /** Why it cannot be taken; nothing else is known then. */
  readonly impossible?: string;
  /** The most of each class that any pCPU reaches while Xen runs or it idles. */
  readonly classes: Readonly<Partial<Record<SecretClass, number>>>;
  readonly secretBytes: number;
  /** Classes that it takes out of reach, all of them; and those of which it takes something. */
  readonly removes: readonly SecretClass[];
  readonly lessens: readonly SecretClass[];
  /** Against the row above; null where nothing was run. */
  readonly cycles: Bracket | null;
  /** In percent of what the first row costs. */
  readonly percent: Bracket | null;
  readonly notCounted: string | null;
}

export interface Staircase {
  readonly proposal: string;
  readonly workload: string | null;
  readonly steps: readonly StairStep[];
  /** Secrets that the last step still has in reach. */
  readonly left: readonly SecretClass[];
  /** Why each of these is left. */
  readonly leftBecause: Readonly<Partial<Record<SecretClass, string>>>;
}

export interface StaircaseOptions extends SecretsOptions {
  /** A recording, and what prices it. */
  readonly workload?: { readonly file: string; readonly profile: Profile };
}

/** Take all steps from `proposal` on, after today's Xen as the row before. Errors: BadInput. */
export async function staircase(
  proposal: Proposal,
  today: Proposal,
  options: StaircaseOptions,
): Promise<Staircase> {
  const { uniqueL4s, root } = rootsOf(proposal);
  const makesRoots = root.inGuest !== "guest" || root.inXen !== "guest";
  const taken = [today, ...(proposal.name === today.name ? [] : [proposal])];
  const names = taken.map(({ name }, i) =>
    i === 0 ? `today (${name})` : uniqueL4s ? `no two pCPUs share an L4 (${name})` : name,
  );
  const plans: (StepPlan | undefined)[] = taken.map(() => undefined);
  const not: StepPlan[] = [];
  for (const plan of PLAN) {
    const last = taken.at(-1)!;
    const layout = { ...last.xen.layout, ...plan.change };
    const isBeyond = plan.beyond !== undefined && has(last.xen.layout, plan.beyond);
    if ((plan.needsRoots === true && !makesRoots) || isBeyond || has(last.xen.layout, plan.change)) continue;
    if (plan.needsOwn === true && !uniqueL4s) {
      not.push(plan);
      continue;
    }
    taken.push({ ...last, xen: { ...last.xen, layout } });
    names.push(plan.name);
    plans.push(plan);
  }
  const costs = await costsOf(taken, options.workload);
  const steps: StairStep[] = [];
  taken.forEach((step, i) => {
    const { classes, secretBytes } = inXen(step, options);
    const before = steps.at(-1)?.classes ?? {};
    const changed = secretClasses(options).filter((name) => (before[name] ?? 0) > classes[name]!);
    steps.push({
      name: names[i]!,
      classes,
      secretBytes,
      removes: changed.filter((name) => classes[name] === 0),
      lessens: changed.filter((name) => classes[name] !== 0),
      ...costs[i]!,
      notCounted: plans[i]?.notCounted ?? null,
    });
  });
  const left = secretClasses(options).filter((name) => steps.at(-1)!.classes[name] !== 0);
  steps.push(...not.map(impossible));
  return {
    proposal: proposal.name,
    workload: options.workload === undefined ? null : workloadName(options.workload.file),
    steps,
    left,
    leftBecause: Object.fromEntries(left.map((name) => [name, leftBecause(name, uniqueL4s)])),
  };
}

/** Is `layout` as `wanted` has it? */
function has(layout: LayoutOptions, wanted: Partial<LayoutOptions>): boolean {
  return isDeepStrictEqual({ ...layout, ...wanted }, layout);
}

function impossible({ name }: StepPlan): StairStep {
  return {
    name,
    impossible: "pCPUs share L4s, so nothing can be mapped on one of them only",
    classes: {},
    secretBytes: 0,
    removes: [],
    lessens: [],
    cycles: null,
    percent: null,
    notCounted: null,
  };
}

/** The worst of each class over Xen's own modes: what Xen itself can be made to load. */
function inXen(proposal: Proposal, options: SecretsOptions): Pick<StairStep, "classes" | "secretBytes"> {
  const rows = secretsOf(proposal, options).worst.filter(({ mode }) => mode === "xen" || mode === "idle");
  const classes: Partial<Record<SecretClass, number>> = {};
  for (const name of secretClasses(options))
    classes[name] = Math.max(...rows.map((row) => row.classes[name]));
  return { classes, secretBytes: Math.max(...rows.map((row) => row.secretBytes)) };
}

/** Each step against the one before, on one recording. */
async function costsOf(
  steps: readonly Proposal[],
  workload: StaircaseOptions["workload"],
): Promise<Pick<StairStep, "cycles" | "percent">[]> {
  if (workload === undefined) return steps.map(() => ({ cycles: null, percent: null }));
  const { file, profile } = workload;
  const { outcomes } = await runWorkload({ file, proposals: steps, machine: profile.machine, strict: false });
  const base = priceLedger(profile, outcomes[0]!.counts, outcomes[0]!.byCause).cycles.likely;
  return outcomes.map(({ counts }, i) => {
    const { cycles } = priceDifference(profile, counts, outcomes[Math.max(0, i - 1)]!.counts);
    const of = (n: number): number => (base === 0 ? 0 : (100 * n) / base);
    return { cycles, percent: { low: of(cycles.low), likely: of(cycles.likely), high: of(cycles.high) } };
  });
}
