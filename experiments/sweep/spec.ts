/**
 * A sweep as a file: which work, under which proposals, at which prices, over which parameters.
 *
 * Everything is looked at before anything runs: names, files, ranges, and how many cells it comes to.
 */
import { createHash } from "node:crypto";
import { existsSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { z } from "zod";
import { BadInput } from "../../abi/bad-input.js";
import { BUNDLED } from "../bundled.js";
import { CONSTANTS, type ConstantName, type Profile, readProfile } from "../costs/profile.js";
import { loadProposals } from "../load-proposal.js";
import type { Proposal } from "../../abi/proposal.js";
import { digest } from "../input-file.js";
import { scriptsOf } from "../mm-script/play-scripts.js";
import { readYaml } from "../read-yaml.js";
import { workloadName } from "../run/run-workload.js";
import { SHIM_MAX_VCPUS } from "../../xen-model/shim/lower-xen.js";
import type { RatedWork } from "../synthetic/rates.js";
import type { Cell, Group, Parameters, Sweep, Work } from "./group.js";

const rate = z.number().nonnegative().max(1e6);

/** Parameters of synthetic work, with what they are where nothing is said. */
export const RATES = {
  threads: z.int().min(1).max(4096).default(4),
  vcpus: z.int().min(1).max(1024).default(2),
  sameMmSwitches: rate.default(0),
  otherMmSwitches: rate.default(0),
  syscalls: rate.default(0),
  slotChurn: rate.default(0),
  forks: rate.default(0),
  idle: z.number().min(0).max(0.95).default(0),
  placement: z.enum(["spread", "apart"]).default("spread"),
};
const rates = z.strictObject(RATES);

const workloadSchema = z.union([
  z.strictObject({ recording: z.string() }),
  z.strictObject({ script: z.strictObject({ file: z.string(), name: z.string() }) }),
  z.strictObject({ synthetic: rates.extend({ name: z.string().default("synthetic") }) }),
]);

const values = z.array(z.union([z.number(), z.string()])).min(1);
const sweepSchema = z.strictObject({
  name: z.string().regex(/^[\w.-]+$/),
  seed: z.int().nonnegative().default(0),
  proposals: z.array(z.string()).default([]),
  profiles: z.array(z.string()).min(1).default(["skylake-pcid"]),
  workloads: z.array(workloadSchema).min(1),
  /** Each value with each other one. */
  crossed: z.record(z.string(), values).default({}),
  /** The first values together, then the second ones, ... */
  zipped: z.record(z.string(), values).default({}),
});

/** More is a mistake in the file, not a sweep. */
const MOST_CELLS = 100_000;

/** Read and check a sweep. Errors: BadInput, naming the file, the key, and what to do. */
export function readSweep(file: string, version: string): Sweep {
  const spec = readYaml(file, sweepSchema, "name a YAML file", "see experiments/sweep/spec.ts");
  const proposals = loadProposals(spec.proposals).filter(
    ({ name }) =>
      spec.proposals.length === 0 || spec.proposals.some((wanted) => wanted === name || isFile(wanted)),
  );
  const profiles = spec.profiles.map(readProfile);
  const points = pointsOf(file, spec);
  digests.clear();
  const count = proposals.length * profiles.length * spec.workloads.length * points.length;
  if (count > MOST_CELLS)
    throw new BadInput(file, "", `comes to ${count} cells`, `leave values out, down to ${MOST_CELLS}`);

  const hashes = new Map<object, string>([...proposals, ...profiles].map((one) => [one, hash(one)]));
  const groups = new Map<string, Group>();
  const cells = new Map<string, Cell>();
  spec.workloads.forEach((workload, w) => {
    for (const point of points) {
      const { name, work, content } = workOf(file, `workloads.${w}`, workload, point);
      for (const proposal of proposals) {
        checkContainer(file, `workloads.${w}`, work, proposal);
        for (const profile of profiles) {
          const { machine } = profile;
          const groupKey = hash([content, hashes.get(proposal), machine, spec.seed, version]);
          const key = hash([groupKey, hashes.get(profile), point]);
          if (cells.has(key)) continue;
          const priced = withConstants(file, profile, point);
          const cell = {
            key,
            workload: name,
            proposal: proposal.name,
            profile: profile.name,
            parameters: point,
            priced,
          };
          cells.set(key, cell);
          const group = groups.get(groupKey);
          if (group !== undefined) group.cells.push(cell);
          else
            groups.set(groupKey, {
              key: groupKey,
              workload: name,
              work,
              proposal,
              machine,
              seed: spec.seed,
              cells: [cell],
            });
        }
      }
    }
  });
  const { name, seed } = spec;
  return { name, seed, axis: axisOf(spec), groups: [...groups.values()], cells: [...cells.values()] };
}

function axisOf({ crossed, zipped }: z.infer<typeof sweepSchema>): string | undefined {
  const [across, along] = [Object.keys(crossed), Object.keys(zipped)];
  if (across.length === 1 && along.length === 0) return across[0];
  return across.length === 0 ? along[0] : undefined;
}

function isFile(name: string): boolean {
  return /\.ya?ml$/.test(name);
}

/** All points of the sweep: zipped rows, each with each combination of the crossed values. */
function pointsOf(file: string, { crossed, zipped, workloads }: z.infer<typeof sweepSchema>): Parameters[] {
  const names = [...Object.keys(crossed), ...Object.keys(zipped)];
  const synthetic = workloads.some((workload) => "synthetic" in workload);
  for (const name of names) {
    const constant = /^constants\.(.*)$/.exec(name)?.[1];
    const known =
      constant === undefined
        ? Object.keys(RATES).includes(name)
        : CONSTANTS.includes(constant as ConstantName);
    if (!known) {
      const remedy = `take one of ${Object.keys(RATES).join(", ")}, or constants.NAME of a profile`;
      throw new BadInput(file, name, "is no parameter", remedy);
    }
    if (constant === undefined && !synthetic)
      throw new BadInput(
        file,
        name,
        "is a parameter of synthetic work, and there is none",
        "add a workload of that kind",
      );
    if (name in crossed && name in zipped)
      throw new BadInput(file, name, "is both crossed and zipped", "leave it out of one");
    for (const value of [...(crossed[name] ?? []), ...(zipped[name] ?? [])]) checkValue(file, name, value);
  }
  const lengths = new Set(Object.values(zipped).map(({ length }) => length));
  if (lengths.size > 1)
    throw new BadInput(file, "zipped", "has lists of different lengths", "give each as many values");
  const [rows = 1] = lengths;
  let points: Parameters[] = Array.from({ length: rows }, (_, i) =>
    Object.fromEntries(Object.entries(zipped).map(([name, list]) => [name, list[i]!])),
  );
  for (const [name, list] of Object.entries(crossed))
    points = points.flatMap((point) => list.map((value) => ({ ...point, [name]: value })));
  return points;
}

function checkValue(file: string, name: string, value: number | string): void {
  const schema = name in RATES ? RATES[name as keyof typeof RATES] : z.number().nonnegative();
  const checked = schema.safeParse(value);
  if (!checked.success)
    throw new BadInput(
      file,
      `${name}: ${value}`,
      checked.error.issues[0]!.message,
      "see experiments/sweep/spec.ts",
    );
}

/** The work, its name, and what its content is, for the key. */
function workOf(
  file: string,
  place: string,
  workload: z.infer<typeof workloadSchema>,
  point: Parameters,
): { name: string; work: Work; content: unknown } {
  if ("recording" in workload) {
    const recording = findFile(file, place, workload.recording);
    const sha256 = digestOf(recording);
    const work = { recording, sha256, bytes: statSync(recording).size };
    return { name: workloadName(recording), work, content: sha256 };
  }
  if ("script" in workload) {
    const path = findFile(file, place, workload.script.file);
    const { name } = workload.script;
    for (const _ of scriptsOf([path], { script: name, step: 0 })) break; // BadInput if it is not there
    return { name, work: { script: { file: path, name } }, content: [name, digestOf(path)] };
  }
  const own = Object.fromEntries(Object.entries(point).filter(([parameter]) => parameter in RATES));
  const { name, ...given } = workload.synthetic;
  const synthetic = { ...given, ...own } as RatedWork;
  const { threads, vcpus, sameMmSwitches, otherMmSwitches } = synthetic;
  if (sameMmSwitches > 0 && threads < 2 * vcpus)
    throw new BadInput(
      file,
      place,
      `${threads} threads cannot switch on ${vcpus} vCPUs`,
      "give two for each vCPU",
    );
  if (otherMmSwitches > 0 && threads < vcpus)
    throw new BadInput(file, place, `${threads} threads leave a vCPU without`, "give one for each vCPU");
  return { name, work: { synthetic }, content: synthetic };
}

function checkContainer(file: string, place: string, work: Work, { name, xen }: Proposal): void {
  if (!("synthetic" in work) || xen.container !== "shim" || work.synthetic.vcpus <= SHIM_MAX_VCPUS) return;
  const what = `${work.synthetic.vcpus} vCPUs are more than the ${SHIM_MAX_VCPUS} of a guest in xen-shim (${name})`;
  throw new BadInput(file, place, what, "leave that proposal out, or take fewer");
}

/** A recording that comes along, by name; or a file, seen from the sweep's folder or from here. */
function findFile(file: string, place: string, wanted: string): string {
  const bundled = BUNDLED.find((path) => workloadName(path) === wanted);
  const found = [...(bundled === undefined ? [] : [bundled]), join(dirname(file), wanted), wanted].find(
    existsSync,
  );
  if (found === undefined)
    throw new BadInput(file, place, `${wanted} is not there`, "name a file, seen from the sweep's folder");
  return found;
}

/** Of files that this sweep has named before. */
const digests = new Map<string, string>();

function digestOf(path: string): string {
  const known = digests.get(path) ?? digest(path);
  digests.set(path, known);
  return known;
}

function withConstants(file: string, profile: Profile, point: Parameters): Profile {
  const constants = { ...profile.constants };
  for (const [name, value] of Object.entries(point)) {
    const constant = /^constants\.(.*)$/.exec(name)?.[1] as ConstantName | undefined;
    if (constant === undefined) continue;
    const { unit, conditions } = constants[constant];
    const n = Number(value);
    constants[constant] = { low: n, likely: n, high: n, unit, source: `a parameter of ${file}`, conditions };
  }
  return { ...profile, constants };
}

function hash(content: unknown): string {
  return createHash("sha256").update(JSON.stringify(content)).digest("hex").slice(0, 20);
}
