/**
 * Draws of a profile's constants, and what given work costs in each: a product of two matrices.
 *
 * All work is priced at the same draws (common random numbers): a draw is one machine, on which proposals are compared. A
 * constant's numbers depend on the seed and its name alone, so that a new constant, proposal or workload leaves the
 * others as they were.
 *
 * Differs: between low and high the shape is a triangle with its peak at likely, which is a convention, not knowledge.
 *          Constants are independent but for the profile's `correlated` groups, which move together.
 */
import quickselect from "quickselect";
import type { Interval } from "../results.js";
import { mulberry32 } from "../synthetic/seed.js";
import type { ConstantName, Profile } from "./profile.js";
import { NR_TERMS, TERMS } from "./terms.js";

/** Draws of one comparison, unless something else is asked for. */
export const DRAWS = 10_000;

/** What each term costs in each draw. Shape: prices (NR_TERMS) of `n` draws each. */
export class PriceDraws {
  readonly prices: readonly Float64Array[];

  /** `like` are draws of a profile that may have most constants alike: these are taken from there, as drawing takes longer. */
  constructor(
    private readonly profile: Profile,
    readonly seed: number,
    readonly n = DRAWS,
    like?: PriceDraws,
  ) {
    this.prices = TERMS.map(({ constants }, t) => {
      if (like?.hasAlike(constants, this)) return like.prices[t]!;
      const column = new Float64Array(n).fill(1);
      for (const name of constants) multiplyByDraws(column, profile, name, seed);
      return column;
    });
  }

  private hasAlike(constants: readonly ConstantName[], { profile, seed, n }: PriceDraws): boolean {
    if (seed !== this.seed || n !== this.n || profile.correlated !== this.profile.correlated) return false;
    return constants.every((name) => profile.constants[name] === this.profile.constants[name]);
  }

  /**
   * What work costs, draw by draw.
   *
   * Shape: `out` (n) is filled, and returned; `times` are coefficientsOf() the work.
   */
  cost(times: Float64Array, out = new Float64Array(this.n)): Float64Array {
    const { prices, n } = this;
    out.fill(0);
    for (let t = 0; t < NR_TERMS; t++) {
      const coefficient = times[t]!;
      if (coefficient === 0) continue;
      const column = prices[t]!;
      for (let d = 0; d < n; d++) out[d] = out[d]! + coefficient * column[d]!;
    }
    return out;
  }
}

function multiplyByDraws(column: Float64Array, profile: Profile, name: ConstantName, seed: number): void {
  const { low, likely, high } = profile.constants[name];
  const group = profile.correlated.find((names) => names.includes(name));
  const random = mulberry32(seed ^ hash(group === undefined ? name : group.join(" ")));
  const width = high - low;
  const peak = width === 0 ? 0 : (likely - low) / width;
  for (let d = 0; d < column.length; d++) {
    const u = random();
    const x = u < peak ? Math.sqrt(u * peak) : 1 - Math.sqrt((1 - u) * (1 - peak));
    column[d] = column[d]! * (low + width * x);
  }
}

/** Mirrors: FNV-1a, 32 bits. */
function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h >>> 0;
}

/** The costs that 5 %, half and 95 % of the draws lie below. `costs` is left in another order. */
export function intervalOf(costs: Float64Array): Interval {
  const placeOf = (q: number) => Math.floor(q * costs.length);
  const [p5, p50, p95] = [placeOf(0.05), placeOf(0.5), placeOf(0.95)];
  quickselect(costs, p50);
  quickselect(costs, p5, 0, p50 - 1);
  quickselect(costs, p95, p50 + 1);
  return { p5: costs[p5]!, p50: costs[p50]!, p95: costs[p95]! };
}
