/** An evaluation again, from its results alone. */
import { readFileSync } from "node:fs";
import { z } from "zod";
import { BadInput } from "../abi/bad-input.js";
import { proposalSchema } from "../abi/proposal.js";
import { wholeProfileSchema } from "./costs/profile.js";
import type { EvaluateOptions } from "./evaluate.js";
import { findInput } from "./input-file.js";
import type { Evaluation } from "./results.js";

const inputFile = z.object({ file: z.string(), sha256: z.string() });
const resultsSchema = z.object({
  format: z.literal(1),
  seed: z.number(),
  inputs: z.object({
    workloads: z.array(inputFile),
    proposals: z.array(proposalSchema),
    profile: wholeProfileSchema,
    strict: z.boolean(),
    kernel: inputFile.nullable(),
  }),
});

export interface Rerun {
  readonly options: Omit<EvaluateOptions, "workers" | "kernel" | "onProgress">;
  /** The kernel image that was looked at, where it is now. */
  readonly kernel: string | undefined;
  /** The results, without the host's field, as text. */
  readonly results: string;
}

/** Read results.json. Errors: BadInput, also where a file that it was made from is gone or has changed. */
export function readResults(file: string): Rerun {
  let document: unknown;
  try {
    document = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new BadInput(
      file,
      "",
      code === undefined ? "is not JSON" : `cannot be read (${code})`,
      "name a results.json",
    );
  }
  const parsed = resultsSchema.safeParse(document);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new BadInput(file, issue!.path.join("."), issue!.message, "name a results.json of pvtwin evaluate");
  }
  const { seed, inputs } = parsed.data;
  return {
    options: {
      workloads: inputs.workloads.map(findInput),
      proposals: inputs.proposals,
      profile: inputs.profile,
      strict: inputs.strict,
      seed,
    },
    kernel: inputs.kernel === null ? undefined : findInput(inputs.kernel),
    results: withoutHost(document as Evaluation),
  };
}

/** All of an evaluation that does not depend on the machine that ran it. */
export function withoutHost({ host: _host, ...rest }: Evaluation): string {
  return JSON.stringify(rest);
}
