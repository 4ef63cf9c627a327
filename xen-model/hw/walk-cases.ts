/**
 * Recorded walks, compared: one case is pagetables, control state, one access, and what a processor did.
 *
 * Mirrors: the form in which the recordings are kept (test/data/x86-walk/README.md).
 */
import { z } from "zod";
import { BadInput } from "../../abi/bad-input.js";
import { mfn, vpn } from "../../abi/frames.js";
import { PtMemory } from "../../abi/memory.js";
import {
  _PAGE_ACCESSED,
  _PAGE_DIRTY,
  PFEC_page_present,
  PFEC_reserved_bit,
  X86_EXC_GP,
  X86_EXC_PF,
} from "../../abi/page.js";
import { State } from "../../abi/state.js";
import { WalkControl } from "./control.js";
import { load_pdptes } from "./pdpte.js";
import { walk, Walk, WALK_OK } from "./walk.js";

const flag = z.union([z.literal(0), z.literal(1)]);
const hex = z.string().regex(/^0x[0-9a-f]{1,16}$/i, "a hexadecimal number of up to 64 bits is needed");
const entryText = z
  .string()
  .regex(
    /^(t\d|t1[0-5]|d\d|d[12]\d|d3[01]|m[0-3]|g[12]|0x[0-9a-f]{1,16})(\|(t\d+|d\d+|m\d|g\d|0x[0-9a-f]{1,16}))*$/i,
    "not an entry",
  );

const caseSchema = z.object({
  name: z.string(),
  mode: z.enum(["4level", "5level", "pae"]),
  maxphyaddr: z.int().min(32).max(52),
  cr0wp: flag,
  smep: flag,
  smap: flag,
  nxe: flag,
  pke: flag,
  pkru: hex,
  ac: flag,
  cpl: z.union([z.literal(0), z.literal(3)]),
  access: z.enum(["r", "w", "x"]),
  va: hex,
  cr3: entryText,
  tables: z.record(
    z.string().regex(/^t(\d|1[0-5])$/, "tables are t0..t15"),
    z.record(z.string().regex(/^\d{1,3}$/), entryText),
  ),
  result: z.unknown(),
});

export type WalkCase = z.infer<typeof caseSchema>;

export interface WalkFault {
  readonly vector: number;
  readonly error: number;
  readonly cr2?: string;
  readonly at?: string;
}

export interface WalkResult {
  readonly ok?: true;
  readonly pa?: string;
  readonly fault?: WalkFault;
  readonly ad: Record<string, string>;
}

/** One line of a printed walk. */
export interface WalkLevel {
  readonly level: number;
  readonly slot: number;
  readonly entry: bigint;
}

/** Parse one line of a file of cases. Errors: BadInput with file and line. */
export function parseCase(text: string, file: string, line: number): WalkCase {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new BadInput(file, `line ${line}`, "is not JSON", "one case a line is needed");
  }
  const result = caseSchema.safeParse(json);
  if (!result.success) {
    const issue = result.error.issues[0]!;
    throw new BadInput(
      file,
      `line ${line}`,
      `${issue.path.join(".")}: ${issue.message}`,
      "see test/data/x86-walk/README.md",
    );
  }
  for (const [table, entries] of Object.entries(result.data.tables)) {
    for (const slot of Object.keys(entries)) {
      if (Number(slot) > 511)
        throw new BadInput(file, `line ${line}`, `tables.${table}: slot ${slot}`, "slots are 0..511");
    }
  }
  return result.data;
}

const RAM_FRAMES = 0xc0000;
const TABLE_FRAMES = 0x4010;
const ACCESS = { r: 0, w: 1, x: 2 } as const;

/** Runs cases on one memory, which is cleaned between them. */
export class CaseRunner {
  private readonly geometry = { nrFrames: RAM_FRAMES, nrTables: TABLE_FRAMES, ptes: 512 };
  private readonly mem = new PtMemory(new State(PtMemory.bytes(this.geometry)), this.geometry);
  private readonly control = new WalkControl();
  readonly out = new Walk();

  /** What the modelled processor does. */
  run(c: WalkCase): WalkResult {
    const { mem, control, out } = this;
    this.load(c);
    const va = BigInt(c.va);
    const cr3 = entryOf(c.cr3);
    let result: WalkResult;
    if (
      control.levels === 3 &&
      !load_pdptes(mem, control, mfn(Number(cr3 >> 12n)), Number((cr3 & 0xfe0n) >> 3n))
    ) {
      result = { fault: { vector: X86_EXC_GP, error: 0, at: "cr3" }, ad: {} };
    } else if (!canonical(va, control.levels)) {
      result = { fault: { vector: X86_EXC_GP, error: 0 }, ad: {} };
    } else {
      const pages = BigInt.asUintN(control.levels === 3 ? 20 : 9 * control.levels, va >> 12n);
      const error = walk(
        mem,
        control,
        mfn(Number((cr3 >> 12n) & 0xffffffffffn)),
        vpn(Number(pages)),
        ACCESS[c.access],
        out,
      );
      result =
        error === WALK_OK
          ? this.success(c, out.frame * 4096 + Number(va & 0xfffn))
          : { fault: { vector: X86_EXC_PF, error, cr2: `0x${va.toString(16)}` }, ad: this.changes(c, -1) };
    }
    this.unload(c);
    return result;
  }

  /** The entries of the last walk, from the top. */
  levels(c: WalkCase): WalkLevel[] {
    this.load(c);
    const { out, mem, control } = this;
    const levels: WalkLevel[] = [];
    const top = control.levels === 3 ? 2 : control.levels;
    for (let level = top; level >= out.level && level > 0; level--) {
      const [table, slot] = [Math.floor(out.at[level]! / 1024), (out.at[level]! / 2) % 512];
      levels.push({ level, slot, entry: entryValue(mem, table, slot) });
    }
    this.unload(c);
    return levels;
  }

  private load(c: WalkCase): void {
    const { mem, control } = this;
    for (const [table, entries] of Object.entries(c.tables)) {
      for (const [slot, text] of Object.entries(entries)) {
        const value = entryOf(text);
        const frame = Number((value >> 12n) & 0xffffffffffn);
        mem.set(frameOf(table), Number(slot), frame, Number(value & 0xfffn) | (Number(value >> 52n) << 12));
      }
    }
    control.levels = c.mode === "4level" ? 4 : c.mode === "5level" ? 5 : 3;
    control.set_maxphyaddr(c.maxphyaddr);
    control.wp = c.cr0wp === 1;
    control.smep = c.smep === 1;
    control.smap = c.smap === 1;
    control.nxe = c.nxe === 1;
    control.pke = c.pke === 1;
    control.pkru = Number(c.pkru);
    control.ac = c.ac === 1;
    control.cpl = c.cpl;
  }

  private unload(c: WalkCase): void {
    for (const [table, entries] of Object.entries(c.tables)) {
      for (const slot of Object.keys(entries)) this.mem.set(frameOf(table), Number(slot), 0, 0);
    }
  }

  private success(c: WalkCase, pa: number): WalkResult {
    const written = c.access === "w" ? pa : -1;
    return {
      ok: true,
      pa: pa >= RAM_FRAMES * 4096 ? "outside" : `0x${pa.toString(16)}`,
      ad: this.changes(c, written),
    };
  }

  /** Entries in which A or D came on, but for the quadword at `written`. */
  private changes(c: WalkCase, written: number): Record<string, string> {
    const ad: Record<string, string> = {};
    for (const [table, entries] of Object.entries(c.tables)) {
      for (const [slot, text] of Object.entries(entries)) {
        const before = Number(entryOf(text) & 0xfffn);
        const on = this.mem.flags(frameOf(table), Number(slot)) & ~before;
        const marks = ((on & _PAGE_ACCESSED) !== 0 ? "A" : "") + ((on & _PAGE_DIRTY) !== 0 ? "D" : "");
        const at = frameOf(table) * 4096 + Number(slot) * 8;
        if (marks !== "" && at !== written) ad[`${table}[${slot}]`] = marks;
      }
    }
    return ad;
  }
}

/** Do a modelled and a recorded result agree, by the rules of the recordings? */
export function sameResult(name: string, modelled: WalkResult, recorded: WalkResult): boolean {
  if (recorded.fault !== undefined) {
    const { fault } = modelled;
    if (fault === undefined) return false;
    // what an entry beyond RAM reads as is the platform's affair
    const mask = name.startsWith("outside-table") ? ~(PFEC_page_present | PFEC_reserved_bit) : ~0;
    return (
      fault.vector === recorded.fault.vector &&
      (fault.error & mask) === (recorded.fault.error & mask) &&
      fault.at === recorded.fault.at &&
      (recorded.fault.cr2 === undefined || BigInt(fault.cr2 ?? -1) === BigInt(recorded.fault.cr2))
    );
  }
  if (modelled.ok !== true || recorded.pa === undefined) return false;
  const keys = Object.keys(recorded.ad);
  return (
    place(modelled.pa!) === place(recorded.pa) &&
    keys.length === Object.keys(modelled.ad).length &&
    keys.every((key) => modelled.ad[key] === recorded.ad[key])
  );
}

/** Physical address of "d2", "d2+0x10", "0x4100010"; "outside" for all from the end of RAM. */
function place(pa: string): string {
  if (pa === "outside") return pa;
  const sum = pa.split("+").reduce((total, part) => total + entryOf(part), 0n);
  return sum >= BigInt(RAM_FRAMES) * 4096n ? "outside" : sum.toString(16);
}

function frameOf(name: string): number {
  return Number(entryOf(name) >> 12n);
}

function entryOf(text: string): bigint {
  return text.split("|").reduce((value, part) => value | partOf(part), 0n);
}

function partOf(part: string): bigint {
  if (part.startsWith("0x")) return BigInt(part);
  const n = BigInt(part.slice(1));
  switch (part[0]) {
    case "t":
      return 0x4000000n + n * 0x1000n;
    case "d":
      return 0x4100000n + n * 0x1000n;
    case "m":
      return 0x4200000n + n * 0x200000n;
    default:
      return n * 0x40000000n;
  }
}

function entryValue(mem: PtMemory, table: number, slot: number): bigint {
  const flags = BigInt(mem.flags(table, slot));
  return (BigInt(mem.frame(table, slot)) << 12n) | (flags & 0xfffn) | ((flags >> 12n) << 52n);
}

function canonical(va: bigint, levels: number): boolean {
  if (levels === 3) return true;
  const bits = 9 * levels + 12;
  return BigInt.asUintN(64, BigInt.asIntN(bits, va)) === va;
}
