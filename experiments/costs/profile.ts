/**
 * A cost profile: what one event costs, as data. Counting is the twins' business, pricing is done here, and
 * never while a machine runs.
 *
 * Two files: the instructions per event (exact, of one Xen binary) and the constants of one processor, each
 * low/likely/high with its source. A constant without a source cannot be loaded.
 */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseDocument } from "yaml";
import { z } from "zod";
import { BadInput } from "../../abi/bad-input.js";
import { EVENT_NAMES, type EventName } from "../../abi/events.js";
import { dataFolder } from "../bundled.js";

const bracketed = z
  .strictObject({
    low: z.number().nonnegative(),
    likely: z.number().nonnegative(),
    high: z.number().nonnegative(),
    unit: z.enum(["cycles", "pages"]),
    source: z.string().min(1, "a constant needs a source"),
  })
  .refine((c) => c.low <= c.likely && c.likely <= c.high, "low <= likely <= high is required");

/** Constants that every profile has; each term of an event's price names one. */
const CONSTANTS = [
  "cycles_per_instruction",
  "cr3_write",
  "cr4_write",
  "invlpg",
  "invpcid_one",
  "invpcid_all",
  "lfence",
  "locked_instruction",
  "syscall_sysret",
  "iretq",
  "exception",
  "ipi",
  "l4_copy",
  "page_clear",
  "refill_page",
  "refill_pages_per_flush",
  "refill_kernel_pages",
] as const;

/** A constant of a profile, by name. */
export type ConstantName = (typeof CONSTANTS)[number];

const profileSchema = z.strictObject({
  name: z.string(),
  title: z.string(),
  conditions: z.string(),
  machine: z.strictObject({ pcid: z.boolean(), invpcid: z.boolean() }),
  instructions: z.string(),
  constants: z.record(z.enum(CONSTANTS), bracketed),
});

const eventSchema = z.strictObject({
  group: z.string(),
  plain: z.number().nonnegative().default(0),
  lfence: z.number().nonnegative().default(0),
  locked: z.number().nonnegative().default(0),
  copy: z.number().nonnegative().default(0),
  cr3_write: z.number().nonnegative().default(0),
  cr4_write: z.number().nonnegative().default(0),
  invlpg: z.number().nonnegative().default(0),
  invpcid_one: z.number().nonnegative().default(0),
  invpcid_all: z.number().nonnegative().default(0),
  syscall: z.number().nonnegative().default(0),
  iretq: z.number().nonnegative().default(0),
  exception: z.number().nonnegative().default(0),
  ipi: z.number().nonnegative().default(0),
  page_clear: z.number().nonnegative().default(0),
  refill: z.number().nonnegative().default(0),
  refill_kernel: z.number().nonnegative().default(0),
  from: z.string().min(1, "an event's price needs a source"),
});

const instructionsSchema = z.strictObject({
  name: z.string(),
  title: z.string(),
  groups: z.record(z.string(), z.string()),
  events: z.partialRecord(z.enum(EVENT_NAMES as [EventName, ...EventName[]]), eventSchema),
});

/** What one event costs: how often each constant, and where that was counted. */
export type EventPrice = z.infer<typeof eventSchema>;

export interface Profile extends Omit<z.infer<typeof profileSchema>, "instructions"> {
  readonly instructions: z.infer<typeof instructionsSchema>;
}

/** The profiles that come with the project. */
export const PROFILE_DIR = dataFolder("experiments", "profiles");

/**
 * Read a profile, by the name of one that comes along or by file.
 *
 * Errors: BadInput, naming file, key and remedy; also for a file of instructions that it names.
 */
export function readProfile(nameOrFile: string): Profile {
  const file = /\.ya?ml$/.test(nameOrFile) ? nameOrFile : join(PROFILE_DIR, `${nameOrFile}.yaml`);
  const profile = parse(file, profileSchema);
  const instructions = parse(join(dirname(file), profile.instructions), instructionsSchema);
  for (const [event, price] of Object.entries(instructions.events)) {
    if (!(price.group in instructions.groups)) {
      throw new BadInput(
        profile.instructions,
        `events.${event}.group`,
        `"${price.group}" is not in groups`,
        "add it there",
      );
    }
  }
  return { ...profile, instructions };
}

function parse<T>(file: string, schema: z.ZodType<T>): T {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new BadInput(
      file,
      "",
      `cannot be read (${(error as NodeJS.ErrnoException).code})`,
      "name a profile or a YAML file",
    );
  }
  const document = parseDocument(text);
  const [damage] = document.errors;
  if (damage !== undefined) {
    throw new BadInput(file, `line ${damage.linePos?.[0].line ?? 1}`, "is not YAML", "mend the line");
  }
  const result = schema.safeParse(document.toJS());
  if (!result.success) {
    const issue = result.error.issues[0]!;
    throw new BadInput(
      file,
      issue.path.join(".") || "top level",
      issue.message,
      "see experiments/costs/profile.ts",
    );
  }
  return result.data;
}
