import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { type Ran, refusal, runMain } from "./run-main.js";

const PDPTE = join(__dirname, "../data/x86-walk/pdpte-by-rule.jsonl");

/** A guest kernel's tables: one 4 KiB page, one 2 MiB page. */
const KERNEL = {
  cr3: "t0",
  tables: {
    t0: { "511": "t1|0x67" },
    t1: { "510": "t2|0x67" },
    t2: { "0": "m1|0x80000000000000e3", "1": "t3|0x67" },
    t3: { "2": "d5|0x1" },
  },
};

const walk = (...args: string[]): Promise<Ran> => runMain("walk", ...args);

describe("pvtwin walk", () => {
  let dir: string;
  let file: string;
  const scenario = (fields: object) => writeFileSync(file, JSON.stringify({ ...KERNEL, ...fields }, null, 2));
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "walk-"));
    file = join(dir, "kernel.json");
    scenario({});
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  it("prints a walk as Xen prints one, and what becomes of the access", async () => {
    expect((await walk(file, "0xffffffff80202008")).out.split("\n")).to.deep.equal([
      "Pagetable walk from ffffffff80202008:",
      " L4[0x1ff] = 0000000004001067 ffffffffffffffff",
      " L3[0x1fe] = 0000000004002067 ffffffffffffffff",
      " L2[0x001] = 0000000004003067 ffffffffffffffff",
      " L1[0x002] = 0000000004105001 ffffffffffffffff",
      "Read by CPL 0: d5+0x8; set A in t3[2]",
      "",
    ]);
  });

  it("ends at a superpage, marked (PSE)", async () => {
    scenario({ access: "x" });
    const lines = (await walk(file, "0xffffffff80001000")).out.split("\n");
    expect(lines[3]).to.equal(" L2[0x000] = 80000000044000e3 ffffffffffffffff (PSE)");
    expect(lines[4]).to.equal("Fetch by CPL 0: #PF, error code 0011 (P I)");
  });

  it("ends at an absent entry, and prints it", async () => {
    const lines = (await walk(file, "0x1000")).out.split("\n");
    expect(lines.slice(1, 3)).to.deep.equal([
      " L4[0x000] = 0000000000000000 ffffffffffffffff",
      "Read by CPL 0: #PF, error code 0000",
    ]);
  });

  it("walks no table for an address that is not canonical", async () => {
    expect((await walk(file, "0x800000000000")).out).to.equal(
      "Pagetable walk from 0000800000000000:\nRead by CPL 0: #GP, the address is not canonical\n",
    );
  });

  it("begins at level 5 with five levels", async () => {
    scenario({ mode: "5level", tables: { ...KERNEL.tables, t0: { "511": "t0|0x67", "510": "t2|0x67" } } });
    expect((await walk(file, "0xffffffff80001000")).out).to.match(/^.*\n L5\[0x1ff\] = .*\n L4\[0x1ff\]/);
  });

  it("gives levels and result as one JSON document", async () => {
    const { levels, result } = JSON.parse((await walk(file, "0xffffffff80001000", "--json")).out);
    expect(levels).to.deep.equal([
      { level: 4, slot: 511, entry: "0x0000000004001067" },
      { level: 3, slot: 510, entry: "0x0000000004002067" },
      { level: 2, slot: 0, entry: "0x80000000044000e3" },
    ]);
    expect(result).to.deep.equal({ ok: true, pa: "m1+0x1000", ad: {} });
  });

  it("finds a case of a file by its name", async () => {
    expect((await walk("pdpte-0000", "--cases", PDPTE)).out).to.contain(
      "MOV to CR3: #GP, a PDPTE has reserved bits\n",
    );
    expect(await refusal("walk", "pdpte-none", "--cases", PDPTE)).to.match(/no case is called pdpte-none/);
  });

  it("compares a file of cases: exit status 0 if all are equal, 1 if not", async () => {
    const same = await walk("--cases", PDPTE, "--json");
    expect(JSON.parse(same.out)).to.deep.equal({ cases: 128, equal: 128, different: 0, first: [] });
    expect(same.status).to.equal(0);

    const wrong = join(dir, "wrong.jsonl");
    const result = { ok: true, pa: "d6", ad: {} };
    const full = {
      mode: "4level",
      maxphyaddr: 46,
      cr0wp: 1,
      smep: 0,
      smap: 0,
      nxe: 1,
      pge: 0,
      pke: 0,
      ac: 0,
    };
    const rest = { name: "wrong-0", pkru: "0x0", cpl: 0, access: "r", va: "0xffffffff80202000", result };
    writeFileSync(wrong, JSON.stringify({ ...KERNEL, ...full, ...rest }));
    const { out, status } = await walk("--cases", wrong);
    expect(out).to.match(
      /^1 walks, 0 equal, 1 different\n.*: wrong-0\n {2}recorded .*d6.*\n {2}modelled .*d5/,
    );
    expect(status).to.equal(1);
  });

  it("asks for an address where the scenario has none", async () => {
    expect(await refusal("walk", file)).to.match(/kernel.json: va: a hexadecimal number is needed/);
    expect(await refusal("walk", file, "12")).to.match(/va: not a hexadecimal number/);
    expect(await refusal("walk")).to.match(/neither a scenario nor --cases/);
  });
});
