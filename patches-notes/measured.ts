/**
 * What an evaluation measured, as far as a cover letter tells it; the form of results.json that this room reads.
 */
import { readFileSync } from "node:fs";
import { z } from "zod";
import { BadInput } from "../abi/bad-input.js";

const bracket = z.object({ low: z.number(), likely: z.number(), high: z.number() });

const results = z.object({
  format: z.literal(1),
  baseline: z.string(),
  profile: z.object({ name: z.string() }),
  workloads: z.array(z.object({ name: z.string(), events: z.number() })),
  proposals: z.array(
    z.object({
      name: z.string(),
      verdict: z.string(),
      compat: z.object({ oldGuest: z.string() }),
      cost: z.array(z.object({ workload: z.string(), versus: z.object({ percent: bracket }) })),
      memoryBytes: z.array(z.object({ workload: z.string(), guest: z.number(), xen: z.number() })),
    }),
  ),
});

export interface MeasuredProposal {
  readonly name: string;
  readonly verdict: string;
  /** What becomes of a guest without the feature. */
  readonly oldGuest: string;
  readonly costs: readonly { readonly workload: string; readonly percent: z.infer<typeof bracket> }[];
  /** Bytes of top-level tables, at most. */
  readonly memory: readonly { readonly workload: string; readonly guest: number; readonly xen: number }[];
}

export interface Measured {
  /** What measured it. */
  readonly command: string;
  readonly baseline: string;
  readonly profile: string;
  readonly workloads: readonly { readonly name: string; readonly events: number }[];
  readonly proposals: readonly MeasuredProposal[];
}

/**
 * Read results.json of `pvtwin evaluate`.
 *
 * Errors: BadInput for a file that is none.
 */
export function readMeasured(file: string): Measured {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new BadInput(
      file,
      "",
      `is no JSON that can be read (${(error as Error).message})`,
      "run pvtwin evaluate --out DIR",
    );
  }
  const read = results.safeParse(json);
  if (!read.success) {
    const [issue] = read.error.issues;
    throw new BadInput(
      file,
      issue!.path.join(".") || "top level",
      issue!.message,
      "run pvtwin evaluate --out DIR again",
    );
  }
  const { baseline, profile, workloads, proposals } = read.data;
  return {
    command: "pvtwin evaluate --out out",
    baseline,
    profile: profile.name,
    workloads,
    proposals: proposals.map(({ name, verdict, compat, cost, memoryBytes }) => ({
      name,
      verdict: verdict === "guest-mode-only" ? "guest mode only" : verdict,
      oldGuest: compat.oldGuest,
      costs: cost.map(({ workload, versus }) => ({ workload, percent: versus.percent })),
      memory: memoryBytes,
    })),
  };
}
