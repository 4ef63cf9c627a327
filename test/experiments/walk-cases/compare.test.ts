import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { BadInput } from "../../../abi/bad-input.js";
import { PFEC_page_present, PFEC_reserved_bit } from "../../../abi/page.js";
import { compareCases, sameResult } from "../../../experiments/walk-cases/compare.js";
import { CaseRunner } from "../../../experiments/walk-cases/run-case.js";
import type { WalkResult, WalkScenario } from "../../../experiments/walk-cases/walk-case.js";

const DATA = join(__dirname, "../../data/x86-walk");
const DIRECTED = join(DATA, "directed-sample.jsonl");
const RANDOM = join(DATA, "random-sample.jsonl");
const PDPTE = join(DATA, "pdpte-by-rule.jsonl");

/** A processor that is wrong in one way: it runs another case than it was given. */
function mutant(change: (c: WalkScenario) => Partial<WalkScenario>): { run(c: WalkScenario): WalkResult } {
  const runner = new CaseRunner();
  return { run: (c) => runner.run({ ...c, ...change(c) }) };
}

/** The tables of a case with some bits of every entry cleared. */
function without(c: WalkScenario, bits: bigint): Partial<WalkScenario> {
  const tables = Object.entries(c.tables).map(([table, entries]) => [
    table,
    Object.fromEntries(Object.entries(entries).map(([slot, text]) => [slot, cleared(text, bits)])),
  ]);
  return { tables: Object.fromEntries(tables) };
}

function cleared(text: string, bits: bigint): string {
  const parts = text
    .split("|")
    .map((p) => (p.startsWith("0x") ? `0x${(BigInt(p) & ~bits).toString(16)}` : p));
  return parts.join("|");
}

describe("The modelled processor, against recorded walks", () => {
  for (const file of [DIRECTED, RANDOM, PDPTE]) {
    it(`agrees with every case of ${file.slice(DATA.length + 1)}`, () => {
      const { cases, equal, first } = compareCases([file]);
      expect(first).to.deep.equal([]);
      expect(cases).to.equal(equal).and.equal(readFileSync(file, "utf8").trim().split("\n").length);
    });
  }

  const mutants: [string, (c: WalkScenario) => Partial<WalkScenario>][] = [
    ["ignores NX", (c) => without(c, 1n << 63n)],
    ["does not know reserved bits of the address", () => ({ maxphyaddr: 52 })],
    ["does not know SMEP", () => ({ smep: 0 })],
    ["does not know SMAP", () => ({ smap: 0 })],
    ["forgets that AC suspends SMAP", () => ({ ac: 0 })],
    ["has CR0.WP set for ever", () => ({ cr0wp: 1 })],
    ["has no protection keys", () => ({ pke: 0 })],
    ["takes NX as reserved", () => ({ nxe: 0 })],
  ];
  for (const [how, change] of mutants) {
    it(`is seen to differ if it ${how}`, () => {
      expect(compareCases([DIRECTED, RANDOM], mutant(change)).different).to.be.above(0);
    });
  }

  it("does not differ without the global bits: they decide nothing in a walk", () => {
    expect(
      compareCases(
        [DIRECTED, RANDOM],
        mutant((c) => without(c, 1n << 8n)),
      ).different,
    ).to.equal(0);
  });
});

describe("Two results are equal", () => {
  const fault = (error: number): WalkResult => ({ fault: { vector: 14, error, cr2: "0x1000" }, ad: {} });
  const ok = (pa: string, ad: WalkResult["ad"] = {}): WalkResult => ({ ok: true, pa, ad });
  const rows: [string, string, WalkResult, WalkResult, boolean][] = [
    ["if they name one address in two ways", "x", ok("0x4103128"), ok("d3+0x128"), true],
    ["if both addresses are outside RAM", "x", ok("outside"), ok("0xc0000000"), true],
    ["not if one address is outside RAM", "x", ok("outside"), ok("0xbffffff8"), false],
    ["not if an accessed bit is missing", "x", ok("d0"), ok("d0", { "t0[1]": "A" }), false],
    ["not if a dirty bit is too much", "x", ok("d0", { "t0[1]": "AD" }), ok("d0", { "t0[1]": "A" }), false],
    ["not if one is a fault", "x", ok("d0"), fault(0), false],
    ["not if error codes differ", "x", fault(PFEC_page_present), fault(0), false],
    ["whatever accessed bits faults leave", "x", fault(4), { ...fault(4), ad: { "t0[1]": "A" } }, true],
    [
      "whatever an entry beyond RAM reads as",
      "outside-table-1",
      fault(PFEC_page_present | PFEC_reserved_bit),
      fault(0),
      true,
    ],
    ["not if CR2 differs", "x", fault(4), { fault: { vector: 14, error: 4, cr2: "0x2000" }, ad: {} }, false],
    [
      "not if #GP comes at another place",
      "x",
      { fault: { vector: 13, error: 0 }, ad: {} },
      { fault: { vector: 13, error: 0, at: "cr3" }, ad: {} },
      false,
    ],
  ];
  for (const [when, name, modelled, recorded, equal] of rows) {
    it(when, () => expect(sameResult(name, modelled, recorded)).to.equal(equal));
  }
});

describe("A damaged file of cases is refused with file, line and field", () => {
  const good = readFileSync(DIRECTED, "utf8").split("\n")[0]!;
  let dir: string;
  beforeEach(() => (dir = mkdtempSync(join(tmpdir(), "walk-cases-"))));
  afterEach(() => rmSync(dir, { recursive: true }));

  const rows: [string, (line: string) => string, RegExp][] = [
    ["a line that was cut", (l) => l.slice(0, 100), /^.*bad.jsonl: line 2: is not one JSON document; /],
    [
      "a slot beyond the table",
      (l) => l.replace('"257"', '"512"'),
      /line 2: tables.t0.512: slots are 0..511/,
    ],
    ["an unknown frame", (l) => l.replace('"t3|0x7"', '"t16|0x7"'), /line 2: tables.t2.165: not an entry/],
    ["a missing field", (l) => l.replace('"smap":0,', ""), /line 2: smap: is 0 or 1/],
    [
      "an impossible MAXPHYADDR",
      (l) => l.replace('"maxphyaddr":36', '"maxphyaddr":60'),
      /line 2: maxphyaddr: /,
    ],
    ["no result", (l) => l.replace(/,"result".*/, "}"), /line 2: result: neither/],
    [
      "an address of 33 bits under PAE",
      (l) => l.replace("4level", "pae"),
      /line 2: va: has more than the 32 bits/,
    ],
    [
      "an address under PAE that is no number",
      (l) => l.replace("4level", "pae").replace('"va":"0x', '"va":"0y'),
      /line 2: va: not a hexadecimal number/,
    ],
  ];
  for (const [what, damage, message] of rows) {
    it(`with ${what}`, () => {
      const file = join(dir, "bad.jsonl");
      writeFileSync(file, `${good}\n${damage(good)}\n`);
      expect(() => compareCases([file])).to.throw(BadInput, message);
    });
  }

  it("if it holds no case, or is not there", () => {
    const file = join(dir, "empty.jsonl");
    writeFileSync(file, "\n");
    expect(() => compareCases([file])).to.throw(BadInput, /holds no case/);
    expect(() => compareCases([join(dir, "none")])).to.throw(BadInput, /cannot be read \(ENOENT\)/);
  });
});
