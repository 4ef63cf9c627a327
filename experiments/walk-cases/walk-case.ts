/**
 * Recorded walks as text: one case is pagetables, control state, one access, and what the processor did.
 *
 * Mirrors: test/data/x86-walk/README.md, which tells the meaning of each field.
 */
import { readFileSync } from "node:fs";
import { z } from "zod";
import { BadInput } from "../../abi/bad-input.js";
import { entryText, hexText, placeText, tableName } from "./places.js";

const FORM = "test/data/x86-walk/README.md tells the form";

const bit = z.literal([0, 1], "is 0 or 1");
const hex = z
  .string("a hexadecimal number is needed")
  .regex(hexText, { error: "not a hexadecimal number of up to 64 bits, with 0x", abort: true });
const entry = z.string().regex(entryText, "not an entry: names of frames and hex numbers, joined by |");
const slot = z.string().regex(/^(\d{1,2}|[1-4]\d\d|50\d|51[01])$/, "slots are 0..511");
const table = z.string().regex(tableName, "tables are t0..t15");
const ad = z.record(z.string(), z.enum(["A", "D", "AD"]));

const VA_UNDER_PAE = { path: ["va"], message: "has more than the 32 bits of a linear address under PAE" };
const vaFitsMode = ({ mode, va }: { mode: string; va: string }): boolean =>
  mode !== "pae" || BigInt(va) < 1n << 32n;

const resultSchema = z.union(
  [
    z.object({ ok: z.literal(true), pa: z.string().regex(placeText), ad }),
    z.object({
      fault: z.object({
        vector: z.literal([13, 14]),
        error: z.int().min(0).max(63),
        cr2: hex.optional(),
        at: z.literal("cr3").optional(),
      }),
      ad,
    }),
  ],
  "neither {ok, pa, ad} nor {fault: {vector, error}, ad}",
);

const scenarioFields = z.object({
  name: z.string(),
  mode: z.enum(["4level", "5level", "pae"]),
  maxphyaddr: z.int().min(32).max(52),
  cr0wp: bit,
  smep: bit,
  smap: bit,
  nxe: bit,
  pge: bit,
  pke: bit,
  pkru: z.string().regex(/^0x[0-9a-fA-F]{1,8}$/, "not a hexadecimal number of up to 32 bits, with 0x"),
  ac: bit,
  cpl: z.literal([0, 3], "is 0 or 3"),
  access: z.enum(["r", "w", "x"]),
  va: hex,
  cr3: entry,
  tables: z.record(table, z.record(slot, entry)),
});

const scenarioSchema = scenarioFields.refine(vaFitsMode, VA_UNDER_PAE);
const caseSchema = scenarioFields.extend({ result: resultSchema }).refine(vaFitsMode, VA_UNDER_PAE);

export type WalkScenario = z.infer<typeof scenarioSchema>;
export type WalkCase = z.infer<typeof caseSchema>;
export type WalkResult = z.infer<typeof resultSchema>;

/** What a scenario need not say: a read by a plain 64-bit kernel. */
const PLAIN_KERNEL: Omit<WalkScenario, "va" | "cr3" | "tables"> = {
  name: "scenario",
  mode: "4level",
  maxphyaddr: 46,
  cr0wp: 1,
  smep: 0,
  smap: 0,
  nxe: 1,
  pge: 1,
  pke: 0,
  pkru: "0x0",
  ac: 0,
  cpl: 0,
  access: "r",
};

/**
 * The cases of a file of JSON lines, in order.
 *
 * Errors: BadInput, naming file and line.
 */
export function* readCases(file: string): Generator<WalkCase> {
  let line = 0;
  for (const text of readText(file).split("\n")) {
    line++;
    if (text.trim() === "") continue;
    yield parse(caseSchema, text, file, `line ${line}`);
  }
}

/**
 * One walk to look at: a JSON file of its own, where the control state may be left out.
 *
 * Errors: BadInput, naming file and field.
 */
export function readScenario(file: string, va?: string): WalkScenario {
  const given = parse(z.looseObject({}), readText(file), file, "");
  return check(scenarioSchema, { ...PLAIN_KERNEL, ...given, ...(va === undefined ? {} : { va }) }, file, "");
}

/** The case called `name` of some files. */
export function findCase(files: readonly string[], name: string, va?: string): WalkScenario {
  for (const file of files) {
    for (const c of readCases(file)) {
      if (c.name === name) return va === undefined ? c : check(scenarioSchema, { ...c, va }, file, name);
    }
  }
  throw new BadInput(
    files.join(", "),
    "",
    `no case is called ${name}`,
    "give a name that stands in the files",
  );
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new BadInput(file, "", `cannot be read (${code})`, "name a file of walks");
  }
}

function parse<T>(schema: z.ZodType<T>, text: string, file: string, place: string): T {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new BadInput(file, place, "is not one JSON document", FORM);
  }
  return check(schema, json, file, place);
}

function check<T>(schema: z.ZodType<T>, json: unknown, file: string, place: string): T {
  const checked = schema.safeParse(json);
  if (checked.success) return checked.data;
  const issue = checked.error.issues[0]!;
  const reason = issue.code === "invalid_key" ? issue.issues[0]!.message : issue.message;
  const where = [place, issue.path.map(String).join(".")].filter((part) => part !== "").join(": ");
  throw new BadInput(file, where, reason, FORM);
}
