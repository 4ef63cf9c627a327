/**
 * The staircase: from what a proposal is today to a Xen that maps no secrets, one step at a time; what each step takes out of
 * reach, and what it costs on recorded work.
 *
 * A step that needs L4s of a pCPU's own is not possible where the roots are shared: then the staircase ends there, and says so.
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

/** What one step changes, and how a report calls it. */
interface StepPlan {
  readonly name: string;
  readonly change: Partial<LayoutOptions>;
  /** Needs L4s that no two pCPUs share. */
  readonly needsOwn?: boolean;
  /** The step has a price that the twins do not count. */
  readonly notCounted?: string;
}

/** In the order in which upstream proposes them: what is nearest to being merged first. */
const PLAN: readonly StepPlan[] = [
  {
    name: "no directmap, mapcache of the domain",
    change: { directmap: false },
    notCounted: "mapping Xen heap pages when they are allocated, and flushing when they are freed",
  },
  { name: "a mapcache for each vCPU", change: { mapcache: "vcpu" } },
  {
    name: "EPT pages mapped on demand",
    change: { ept: "demand" },
    notCounted:
      "walks of HVM guests' tables, which are no part of recordings: see the anchors of directmap removal",
  },
  {
    name: "stacks and per-CPU data in the own L4",
    change: { percpu: "own" },
    needsOwn: true,
    notCounted: "reaching another pCPU's data through a mapping made for it",
  },
  {
    name: "vCPU state in the own L4",
    change: { vcpuState: "own" },
    needsOwn: true,
    notCounted: "mapping a vCPU's FPU area when another pCPU needs it",
  },
  {
    name: "no linear map",
    change: { linearMap: false },
    notCounted:
      "three more mappings for each guest entry looked up; the flush behind L2+ edits could go (XSA-286)",
  },
];

/** Why the last step has still some of a class in reach, and what would have to change. */
const LEFT: Partial<Record<SecretClass, string>> = {
  percpu: "that of pCPU 0 lies in Xen's image; it would have to move out of there, as others do",
  xenheap:
    "struct domain, grant and event tables, which nobody has proposed to map for their own domain only",
  pagetables:
    "roots that are Xen heap pages, as in XPTI and in ASI v2, and what a linear map shows; roots would have to come from the domain heap",
};
const SHARED_LEFT = "needs L4s that no two pCPUs share";

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
  const { uniqueL4s } = rootsOf(proposal);
  const taken = [today, ...(proposal.name === today.name ? [] : [proposal])];
  const names = taken.map(({ name }, i) =>
    i === 0 ? `today (${name})` : uniqueL4s ? `no two pCPUs share an L4 (${name})` : name,
  );
  const plans: (StepPlan | undefined)[] = taken.map(() => undefined);
  let ended: StepPlan | undefined;
  for (const plan of PLAN) {
    if (plan.needsOwn === true && !uniqueL4s) ended ??= plan;
    const last = taken.at(-1)!;
    const layout = { ...last.xen.layout, ...plan.change };
    if ((plan.needsOwn === true && !uniqueL4s) || isDeepStrictEqual(layout, last.xen.layout)) continue;
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
  if (ended !== undefined) steps.push(impossible(ended));
  return {
    proposal: proposal.name,
    workload: options.workload === undefined ? null : workloadName(options.workload.file),
    steps,
    left,
    leftBecause: Object.fromEntries(left.map((name) => [name, LEFT[name] ?? SHARED_LEFT])),
  };
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
