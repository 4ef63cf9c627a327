/**
 * What an evaluation leaves open: comparisons that the brackets of the prices do not decide, and what would decide them.
 */
import type { Driver, Evaluation, Firmness } from "./results.js";

/** Two proposals on a recording, of which neither is cheaper in all draws. */
export interface OpenQuestion {
  readonly workload: string;
  /** Cheaper in `share` of the draws, at least half. */
  readonly cheaper: string;
  readonly than: string;
  readonly share: number;
  /** The strongest constant that turns it within its own bracket; without one, the strongest of all. */
  readonly driver: Driver | undefined;
}

/**
 * Comparisons with the baseline and among the others, recording by recording, the least decided first. Controls are none
 * of it: nobody chooses between them.
 */
export function openQuestions(evaluation: Evaluation): OpenQuestion[] {
  const { baseline, proposals, comparisons, workloads } = evaluation;
  const controls = new Set(proposals.filter(({ kind }) => kind === "control").map(({ name }) => name));
  return workloads.flatMap(({ name: workload }, w) => {
    const against = proposals
      .filter(({ name }) => name !== baseline)
      .map(({ name, cost }) => question(workload, name, baseline, cost[w]!.versus));
    const pairs = comparisons
      .filter((pair) => pair.workload === workload)
      .map((pair) => question(workload, pair.a, pair.b, pair));
    return [...against, ...pairs]
      .filter(({ share, cheaper, than }) => share < 1 && !controls.has(cheaper) && !controls.has(than))
      .sort((x, y) => x.share - y.share || (`${x.cheaper} ${x.than}` < `${y.cheaper} ${y.than}` ? -1 : 1));
  });
}

function question(
  workload: string,
  a: string,
  b: string,
  { probabilityCheaper, drivers }: Firmness,
): OpenQuestion {
  const [cheaper, than, share] =
    probabilityCheaper >= 0.5 ? [a, b, probabilityCheaper] : [b, a, 1 - probabilityCheaper];
  return { workload, cheaper, than, share, driver: drivers.find(({ within }) => within) ?? drivers[0] };
}
