/**
 * An anchor: a result that somebody published or measured, the experiment on the twins that stands for it, and the band in
 * which the twins' answer has to be.
 *
 * Anchors test the model and never feed it: what prices are taken from (sources.yaml: use calibration) is no anchor's
 * source, and a test holds the two sets apart.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { BadInput } from "../../abi/bad-input.js";
import { EVENT_NAMES, type EventName } from "../../abi/events.js";
import { dataFolder } from "../bundled.js";
import { readYaml } from "../read-yaml.js";

const eventName = z.enum(EVENT_NAMES as [EventName, ...EventName[]]);
const setting = z.strictObject({ proposal: z.string(), profile: z.string() });
const eventCounts = z.partialRecord(eventName, z.number().nonnegative());

const experimentSchema = z.discriminatedUnion("kind", [
  /** One step of an mm script under two proposals: what Xen executes more under `after`. */
  z.strictObject({
    kind: z.literal("script"),
    before: z.string(),
    after: z.string(),
    tasks: z.array(z.strictObject({ task: z.string(), vcpu: z.int() })).default([{ task: "t0", vcpu: 0 }]),
    regions: z.record(z.string(), z.unknown()).default({}),
    steps: z.array(z.record(z.string(), z.unknown())).min(1),
    /** The step that is measured, from 0, and what its counts are divided by. */
    step: z.int(),
    times: z.int().default(1),
    /** System calls that the script makes and the source did not, each time; what one adds is taken out. */
    callsMore: z.int().default(0),
  }),
  /** All steps of recorded scripts: modelled against executed instructions of Xen. */
  z.strictObject({
    kind: z.literal("steps"),
    file: z.string(),
    proposal: z.enum(["shared", "xpti"]),
    select: z.enum(["quiet", "waking", "interrupting"]),
    /** Median of modelled : executed, or the share of steps within a tenth. */
    quantity: z.enum(["median", "share"]),
  }),
  /** A recording, in two settings: saving of `to` against `from`, in percent of what the kernel and Xen take. */
  z.strictObject({
    kind: z.literal("saving"),
    recording: z.string(),
    from: setting,
    to: setting,
    /** Events that the Xen of the source did not have. */
    without: z.array(eventName).default([]),
    /** Instructions of the guest kernel for each such event, which the profile does not price. */
    guestKernel: eventCounts,
  }),
  /** Savings of two such pairs: the first's share of the second's. */
  z.strictObject({
    kind: z.literal("saving-ratio"),
    recording: z.string(),
    first: z.strictObject({ from: setting, to: setting }),
    second: z.strictObject({ from: setting, to: setting }),
    without: z.array(eventName).default([]),
  }),
  /** Work written out as events: what `more` adds to `base`, in percent. */
  z.strictObject({
    kind: z.literal("events"),
    profile: z.string(),
    more: eventCounts,
    base: eventCounts,
    /** Instructions of the base that are not Xen's. */
    baseInstructions: z.number().nonnegative().default(0),
    /** How often `more` happens, a second, and how many cycles a CPU has: the base is a second then. */
    perSecond: z.number().positive().optional(),
    hertz: z.number().positive().optional(),
  }),
  /** No part of the twins stands for it. */
  z.strictObject({ kind: z.literal("none") }),
]);

const anchorSchema = z.strictObject({
  name: z.string().regex(/^[a-z0-9-]+$/),
  title: z.string(),
  source: z.strictObject({ id: z.string(), text: z.string().min(1) }),
  conditions: z.string().min(1),
  published: z.strictObject({ value: z.number(), unit: z.string(), text: z.string() }),
  experiment: experimentSchema,
  band: z
    .strictObject({ low: z.number(), high: z.number() })
    .refine(({ low, high }) => low < high, "low < high is required"),
  /** Why the band is as wide as it is. */
  because: z.string().min(1),
  /** Why the twins' answer is outside, where it is. */
  reason: z.string().optional(),
});

export type Anchor = z.infer<typeof anchorSchema>;
export type Experiment = Anchor["experiment"];
export type ExperimentOf<Kind extends Experiment["kind"]> = Extract<Experiment, { kind: Kind }>;

/** Where anchors that come along lie. */
export const ANCHOR_DIR = dataFolder("experiments", "anchors");

const SOURCES = "sources.yaml";

const sourcesSchema = z.record(
  z.string(),
  z.strictObject({ use: z.enum(["calibration", "anchor"]), what: z.string().min(1) }),
);

/** What sources there are, by id, and what each is used for. */
export function readSources(dir = ANCHOR_DIR): z.infer<typeof sourcesSchema> {
  return readYaml(
    join(dir, SOURCES),
    sourcesSchema,
    "it belongs beside the anchors",
    "see experiments/anchors/",
  );
}

/**
 * Read the anchors of a folder, in order of their names; with `wanted`, these alone.
 *
 * Errors: BadInput, also for an anchor whose source prices are taken from.
 */
export function readAnchors(dir = ANCHOR_DIR, wanted: readonly string[] = []): Anchor[] {
  const sources = readSources(dir);
  const files = readdirSync(dir).filter((file) => file.endsWith(".yaml") && file !== SOURCES);
  const unknown = wanted.find((name) => !files.includes(`${name}.yaml`));
  if (unknown !== undefined)
    throw new BadInput(unknown, "", "is no anchor", `name one of the files in ${dir}`);
  const read = wanted.length === 0 ? files.sort() : wanted.map((name) => `${name}.yaml`);
  return read.map((file) => {
    const path = join(dir, file);
    const anchor = readYaml(
      path,
      anchorSchema,
      "name a folder of anchors",
      "see experiments/anchors/anchor.ts",
    );
    const use = sources[anchor.source.id]?.use;
    if (use !== "anchor") {
      const what = use === undefined ? "is no source" : "is a source of prices, so it can test none";
      throw new BadInput(
        path,
        "source.id",
        `${anchor.source.id} ${what}`,
        `list it in ${SOURCES}, for one use`,
      );
    }
    return anchor;
  });
}
