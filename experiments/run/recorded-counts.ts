/** The counts that come with a recording made inside a PV guest: NAME.counts.json. */
import { readFileSync } from "node:fs";
import { z } from "zod";
import { BadInput } from "../../abi/bad-input.js";

const numbers = z.record(z.string(), z.number());
const process = z.looseObject({ comm: z.string().default(""), events: numbers });
const countsSchema = z.looseObject({
  xen_events_total: numbers,
  queued_calls_by_op: numbers.default({}),
  pagetable_pages: numbers.default({}),
  write_cr3: numbers.default({}),
  per_process: z.record(z.string(), process).default({}),
});

export type RecordedCounts = z.infer<typeof countsSchema>;

/** Read NAME.counts.json. Errors: BadInput, with the key. */
export function readCounts(file: string): RecordedCounts {
  let document: unknown;
  try {
    document = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const what = code === undefined ? "is not JSON" : `cannot be read (${code})`;
    throw new BadInput(file, "", what, "name the counts.json of the recording");
  }
  const parsed = countsSchema.safeParse(document);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new BadInput(file, issue!.path.join("."), issue!.message, "name the counts.json of the recording");
}
