/**
 * Recorded mm scripts: what tasks did, step by step, and what a real kernel and a real Xen counted.
 *
 * Shape: one JSON document a line, as described in test/data/linux-6.1-pv/FORMAT.md.
 */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { z } from "zod";
import { BadInput } from "../../abi/bad-input.js";

const prot = z.enum(["none", "r", "w", "rw", "rx", "rwx"]);
const part = { region: z.string(), from: z.int().optional(), count: z.int().optional() };
const common = { task: z.string(), parallel: z.boolean().optional() };
const randomOrder = z.object({ random: z.int(), touches: z.int() });
const advice = z.enum(["dontneed", "free", "willneed", "populate_read", "populate_write"]);
const kind = z.enum(["anon", "shared", "file", "fileshared", "stack"]);

const stepSchema = z.discriminatedUnion("op", [
  z.object({ op: z.literal("nop"), ...common }),
  z.object({ op: z.literal("syscalls"), ...common, calls: z.int() }),
  z.object({
    op: z.literal("mmap"),
    ...common,
    region: z.string(),
    prot: prot.default("rw"),
    kind: kind.default("anon"),
    populate: z.boolean().default(false),
  }),
  z.object({
    op: z.literal("touch"),
    ...common,
    ...part,
    access: z.enum(["read", "write"]).default("write"),
    stride: z.int().default(1),
    order: z.union([z.enum(["up", "down"]), randomOrder]).default("up"),
  }),
  z.object({ op: z.literal("kread"), ...common, ...part }),
  z.object({ op: z.literal("munmap"), ...common, ...part }),
  z.object({ op: z.literal("mprotect"), ...common, ...part, prot }),
  z.object({ op: z.literal("mlock"), ...common, ...part }),
  z.object({
    op: z.literal("mprotect_flip"),
    ...common,
    ...part,
    prot_a: prot,
    prot_b: prot,
    rounds: z.int(),
  }),
  z.object({ op: z.literal("madvise"), ...common, ...part, advice }),
  z.object({
    op: z.literal("mremap"),
    ...common,
    ...part,
    to: z.string(),
    to_from: z.int().default(0),
    new_count: z.int().optional(),
  }),
  z.object({ op: z.literal("fork"), ...common, child: z.string(), vcpu: z.int().default(0) }),
  z.object({ op: z.literal("clone_thread"), ...common, child: z.string(), vcpu: z.int().default(0) }),
  z.object({ op: z.literal("exec"), ...common }),
  z.object({ op: z.literal("exit"), ...common }),
  z.object({ op: z.literal("exit_group"), ...common }),
  z.object({ op: z.literal("switch"), ...common, peer: z.string(), rounds: z.int() }),
  z.object({
    op: z.literal("thread_storm"),
    ...common,
    threads: z.int(),
    region: z.string().optional(),
    touch_pages: z.int().default(0),
  }),
  z.object({ op: z.literal("pthread_storm"), ...common, threads: z.int(), region: z.string() }),
  z.object({
    op: z.literal("fork_storm"),
    ...common,
    children: z.int(),
    region: z.string().optional(),
    touch_pages: z.int().default(0),
  }),
  z.object({ op: z.literal("vfork_exec"), ...common, children: z.int() }),
  z.object({ op: z.literal("park"), ...common, mode: z.enum(["spin", "sleep"]) }),
  z.object({ op: z.literal("migrate"), ...common, vcpu: z.int() }),
  z.object({
    op: z.literal("fdgrow"),
    ...common,
    fd: z.int().default(600000),
    close: z.boolean().optional(),
  }),
  z.object({ op: z.literal("fpu"), ...common }),
]);

/** A number that all recordings agree on, or [min, median, max]. */
const counted = z.union([z.number(), z.tuple([z.number(), z.number(), z.number()])]);
const counts = z.record(z.string(), counted);

const instructionWindow = z.object({
  cr3_write: counted.default(0),
  iretq: counted.default(0),
  /** Instructions that Xen executed. */
  xen: counted.default(0),
  syscall: counted.default(0),
});
const instructions = z.object({ main: instructionWindow.optional(), start: instructionWindow.optional() });

const windowSchema = z.object({
  linux: counts.default({}),
  hypercalls: counts.default({}),
  xen: counts.default({}),
  hist_mc_flush: counts.default({}),
  hist_flush_tlb_multi: counts.default({}),
  hist_tlb_flush: counts.default({}),
});

const resultSchema = z.object({
  step: z.int(),
  main: windowSchema.optional(),
  start: windowSchema.optional(),
  stable: z.boolean().optional(),
  start_stable: z.boolean().optional(),
  merged_into: z.int().optional(),
  instructions: instructions.optional(),
  instructions_xpti: instructions.optional(),
});

const scriptSchema = z.object({
  name: z.string(),
  group: z.string(),
  vcpus: z.int(),
  tasks: z.array(z.object({ task: z.string(), vcpu: z.int() })),
  regions: z.record(z.string(), z.object({ slot: z.int(), page: z.int(), pages: z.int() })),
  steps: z.array(stepSchema),
  results: z.array(resultSchema).default([]),
  /** Counters that whoever recorded this could not see. */
  notRecorded: z.array(z.string()).optional(),
});

export type MmScript = z.infer<typeof scriptSchema>;
export type StepResult = z.infer<typeof resultSchema>;
export type MmStep = z.infer<typeof stepSchema>;
export type StepOf<Op extends MmStep["op"]> = Extract<MmStep, { op: Op }>;
export type RecordedWindow = z.infer<typeof windowSchema>;
export type InstructionWindow = z.infer<typeof instructionWindow>;
export type Counted = z.infer<typeof counted>;
export type Prot = z.infer<typeof prot>;

/** Read all scripts of a file, plain or gzip. Errors: BadInput, with the line and the key. */
export function readMmScripts(file: string): MmScript[] {
  const scripts: MmScript[] = [];
  readText(file)
    .split("\n")
    .forEach((line, index) => {
      if (line.trim() !== "") scripts.push(parseLine(file, line, index + 1));
    });
  return scripts;
}

function readText(file: string): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new BadInput(file, "", `cannot be read (${code})`, "name a file of mm scripts");
  }
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes.toString("utf8");
  try {
    return gunzipSync(bytes).toString("utf8");
  } catch {
    throw new BadInput(file, "", "is cut short or damaged gzip", "compress it again");
  }
}

function parseLine(file: string, line: string, number: number): MmScript {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    throw new BadInput(file, `line ${number}`, "is not JSON", "each line is one script; see FORMAT.md");
  }
  return parseScript(file, json, number);
}

/** Check a script's document. Errors: BadInput, with the key. */
export function parseScript(file: string, document: unknown, line: number): MmScript {
  const parsed = scriptSchema.safeParse(document);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const place = `line ${line}, ${issue!.path.join(".")}`;
  throw new BadInput(file, place, issue!.message, "see FORMAT.md for the fields");
}
