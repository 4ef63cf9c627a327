/**
 * A cost profile: what one event costs, as data. Counting is the twins' business, pricing is done here, and
 * never while a machine runs.
 *
 * Two files: the instructions per event (exact, of one Xen binary) and the constants of one processor, each
 * low/likely/high with its source and the conditions it was found under. A constant without a source cannot be loaded.
 */
import { existsSync, readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { z } from "zod";
import { BadInput } from "../../abi/bad-input.js";
import { EVENT_NAMES, type EventName } from "../../abi/events.js";
import { builtEntry, type BuiltTable, readAsBuilt } from "../as-built.js";
import { dataFolder } from "../bundled.js";
import { readYaml } from "../read-yaml.js";

const unit = z.enum(["cycles", "instructions"]);

const bracketed = z
  .strictObject({
    low: z.number().nonnegative(),
    likely: z.number().nonnegative(),
    high: z.number().nonnegative(),
    unit: z.enum(["cycles", "instructions", "pages"]),
    source: z.string().min(1, "a constant needs a source"),
    conditions: z.string().min(1, "a constant needs the conditions of its source"),
  })
  .refine((c) => c.low <= c.likely && c.likely <= c.high, "low <= likely <= high is required");

/** Constants that every profile has; each term of an event's price names one. */
export const CONSTANTS = [
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
  "refill_kernel",
  "vm_exit",
  "refill_nested",
  "refill_kernel_nested",
] as const;

/** A constant of a profile, by name. */
export type ConstantName = (typeof CONSTANTS)[number];

const constantName = z.enum(CONSTANTS);

const profileSchema = z.strictObject({
  name: z.string(),
  title: z.string(),
  conditions: z.string(),
  /** What the prices are in. */
  unit: unit.default("cycles"),
  machine: z.strictObject({ pcid: z.boolean(), invpcid: z.boolean() }),
  instructions: z.string(),
  constants: z.record(constantName, bracketed),
  /** Constants that are high or low together, as those of one core's microcode are. */
  correlated: z.array(z.array(constantName).min(2)).default([]),
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
  vm_exit: z.number().nonnegative().default(0),
  refill_nested: z.number().nonnegative().default(0),
  refill_kernel_nested: z.number().nonnegative().default(0),
  from: z.string().min(1, "an event's price needs a source"),
});

const instructionsSchema = z.strictObject({
  name: z.string(),
  title: z.string(),
  /** What all of `from` is taken from. */
  source: z.string().min(1, "counted instructions need a source"),
  groups: z.record(z.string(), z.string()),
  events: z.partialRecord(z.enum(EVENT_NAMES as [EventName, ...EventName[]]), eventSchema),
});

/** What one event costs: how often each constant, and where that was counted. */
export type EventPrice = z.infer<typeof eventSchema>;

export interface Profile extends Omit<z.infer<typeof profileSchema>, "instructions"> {
  readonly instructions: z.infer<typeof instructionsSchema>;
}

/** A profile whole, as results.json keeps it. */
export const wholeProfileSchema = profileSchema.extend({ instructions: instructionsSchema });

/** The profiles that come with the project. */
export const PROFILE_DIR = dataFolder("experiments", "profiles");

/** Their names. */
export function knownProfiles(): string[] {
  return readdirSync(PROFILE_DIR)
    .filter((file) => /^[^.]+\.yaml$/.test(file))
    .map((file) => basename(file, ".yaml"))
    .sort();
}

/**
 * Read a profile, by the name of one that comes along or by file. The file of instructions that it names is looked for
 * beside it, then among those that come along.
 *
 * Errors: BadInput, naming file, key and remedy; also for a file of instructions that it names.
 */
export function readProfile(nameOrFile: string): Profile {
  const own = /\.ya?ml$/.test(nameOrFile);
  if (!own && !knownProfiles().includes(nameOrFile)) {
    const known = knownProfiles().join(", ");
    throw new BadInput(nameOrFile, "", "is no profile", `name a YAML file, or one of ${known}`);
  }
  if (own) return fromFile(nameOrFile).profile;
  return readAsBuilt<Profile>("profiles", nameOrFile, PROFILE_DIR) ?? fromFile(fileOf(nameOrFile)).profile;
}

/** For the build: the profiles that come with the project. */
export function readBundledProfiles(): BuiltTable {
  const all = knownProfiles().map((name) => {
    const file = fileOf(name);
    const { profile, instructions } = fromFile(file);
    return [name, builtEntry(PROFILE_DIR, [basename(file), instructions], profile)] as const;
  });
  return Object.fromEntries(all);
}

function fileOf(name: string): string {
  return join(PROFILE_DIR, `${name}.yaml`);
}

/** The profile, and the name of its file of instructions. */
function fromFile(file: string): { profile: Profile; instructions: string } {
  const profile = parse(file, profileSchema);
  const twice = profile.correlated.flat().find((name, i, all) => all.indexOf(name) !== i);
  if (twice !== undefined)
    throw new BadInput(file, "correlated", `${twice} is in it twice`, "name each constant in one group");
  const beside = join(dirname(file), profile.instructions);
  const instructions = parse(
    existsSync(beside) ? beside : join(PROFILE_DIR, profile.instructions),
    instructionsSchema,
  );
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
  return { profile: { ...profile, instructions }, instructions: profile.instructions };
}

function parse<T>(file: string, schema: z.ZodType<T>): T {
  return readYaml(file, schema, "name a profile or a YAML file", "see experiments/costs/profile.ts");
}
