/**
 * Recorded hypercall scripts: what a guest did on a real Xen, and what Xen answered.
 *
 * Mirrors: the form in which the recordings are kept (test/data/xen-4.17/README.md).
 */
import { z } from "zod";
import { BadInput } from "../../abi/bad-input.js";

/** The guest's own tables. */
const BASE_TABLES = ["base_l4", "base_l3", "base_l2", "base_l1"] as const;

const frameName = z
  .string()
  .regex(
    /^(p\d{1,4}|base_l[1-4]|base1_l4|none|shared_info|free|kernel|xen:\d{3}|raw:0x[0-9a-f]{1,10})$/,
    "no frame of a script",
  );
const entry = z.string().regex(/^[a-z0-9_:]+\|0x[0-9a-f]{1,16}$/, "an entry is FRAME|0xFLAGS");
const va = z
  .string()
  .regex(/^(0x[0-9a-f]{1,16}|p\d{1,4}\+0x[0-9a-f]{1,3})$/, "an address is hexadecimal, or pN+0xOFFSET");
const flushes = z.enum([
  "none",
  "tlb_local",
  "tlb_all",
  "tlb_multi",
  "invlpg_local",
  "invlpg_all",
  "invlpg_multi",
]);
/** A bitmap of up to 64 vCPUs; beyond 2^53 a JSON number has lost its low bits, and stands for all of them. */
const bitmap = z
  .number()
  .min(0)
  .transform((n) => (n > Number.MAX_SAFE_INTEGER ? 0xffffffff : n % 2 ** 32));
const common = {
  vcpu: z.int().min(0).max(1).optional(),
  result: z.unknown().optional(),
  noflush: z.boolean().optional(),
};

const update = z.object({
  cmd: z.union([z.enum(["normal", "machphys", "preserve_ad", "no_translate"]), z.int().min(0).max(7)]),
  table: frameName,
  index: z.int().min(0).max(511).optional(),
  entry: entry.optional(),
  gpfn: z
    .string()
    .regex(/^(p\d{1,4}|0x[0-9a-f]{1,16})$/)
    .optional(),
});

const extended = z.object({
  cmd: z.union([z.string(), z.int().min(0)]),
  frame: frameName.optional(),
  src: frameName.optional(),
  va: va.optional(),
  mask: bitmap.optional(),
  ents: z.int().min(0).optional(),
});

const page = z.string().regex(/^p\d{1,4}$/);
const mode = z.enum(["user", "kernel"]).optional();

const plainOps = [
  z.object({
    ...common,
    op: z.literal("home"),
    page,
    access: z.enum(["rw", "ro", "none"]),
    flush: flushes.optional(),
    mask: bitmap.optional(),
  }),
  z.object({
    ...common,
    op: z.literal("update_va_mapping"),
    va,
    entry,
    flush: flushes.optional(),
    mask: bitmap.optional(),
  }),
  z.object({
    ...common,
    op: z.literal("mmu_update"),
    updates: z.array(update).max(512),
    domid: z.int().optional(),
  }),
  z.object({
    ...common,
    op: z.literal("mmuext"),
    ops: z.array(extended).max(256),
    domid: z.int().optional(),
  }),
] as const;

const callSchema = z.discriminatedUnion("op", [...plainOps]);

const opSchema = z.discriminatedUnion("op", [
  ...plainOps,
  z.object({ ...common, op: z.literal("multicall"), calls: z.array(callSchema).max(64) }),
  z.object({
    ...common,
    op: z.literal("set_gdt"),
    frames: z.array(frameName).max(16),
    entries: z.int().min(0),
  }),
  z.object({ ...common, op: z.literal("write"), page, index: z.int().min(0).max(511), entry }),
  z.object({ ...common, op: z.literal("read"), page, index: z.int().min(0).max(511) }),
  z.object({ ...common, op: z.literal("dump"), page: z.union([page, z.enum(BASE_TABLES)]) }),
  z.object({ ...common, op: z.literal("probe_read"), va, mode }),
  z.object({ ...common, op: z.literal("probe_write"), va, entry: entry.optional(), mode }),
  z.object({ ...common, op: z.literal("probe_exec"), va, mode }),
  z.object({ ...common, op: z.literal("m2p"), frame: frameName }),
  z.object({
    ...common,
    op: z.literal("initialise"),
    target: z.int().min(0).max(2),
    frame: frameName,
    user: frameName.optional(),
  }),
  z.object({ ...common, op: z.literal("nop"), mode }),
  z.object({ ...common, op: z.literal("kernel_l2"), page }),
  z.object({ ...common, op: z.literal("clean") }),
]);

const scriptSchema = z.object({
  name: z.string(),
  vcpus: z.int().min(1).max(3),
  /** The guest promises to install an L4 on one vCPU only. */
  exclusive: z.boolean().optional(),
  pages: z.int().min(1).max(512),
  ops: z.array(opSchema),
});

export type Script = z.infer<typeof scriptSchema>;
/** Is the guest of the script a 32-bit one? */
export function is_pv_32bit(script: Script): boolean {
  return script.name.startsWith("pv32/");
}

export type Op = z.infer<typeof opSchema>;
export type Call = z.infer<typeof callSchema>;
export type Update = z.infer<typeof update>;
export type Extended = z.infer<typeof extended>;
export type Flush = z.infer<typeof flushes>;

/** Parse one line of a file of scripts, which needs results if it `isRecorded`. Errors: BadInput with file and line. */
export function parseScript(text: string, file: string, line: number, isRecorded = true): Script {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new BadInput(file, `line ${line}`, "is not JSON", "one script a line is needed");
  }
  const result = scriptSchema.safeParse(json);
  const remedy = "see test/data/xen-4.17/README.md";
  if (!result.success) {
    const issue = result.error.issues[0]!;
    throw new BadInput(file, `line ${line}`, `${issue.path.join(".")}: ${issue.message}`, remedy);
  }
  const script = result.data;
  const silent = script.ops.findIndex((op) => !isResult(op.result) && op.op !== "clean");
  if (isRecorded && silent >= 0)
    throw new BadInput(file, `line ${line}`, `ops.${silent}: has no result`, remedy);
  for (const [, page] of text.matchAll(/"p(\d+)["|+]/g)) {
    if (Number(page) < script.pages) continue;
    throw new BadInput(file, `line ${line}`, `page p${page} is none of the script's ${script.pages}`, remedy);
  }
  return script;
}

function isResult(result: unknown): boolean {
  return typeof result === "object" && result !== null;
}
