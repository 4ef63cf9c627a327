import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { BadInput } from "../../../abi/bad-input.js";
import { readSweep } from "../../../experiments/sweep/spec.js";

/** 0 to 399, as YAML has them. */
const MANY = Array.from({ length: 400 }, (_, i) => i).join(", ");
const SYNTHETIC = "workloads: [{ synthetic: { threads: 4 } }]\n";

describe("a sweep's file", () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "pvtwin-sweep-"));
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  const read = (text: string, version = "1") => {
    const file = join(dir, "sweep.yaml");
    writeFileSync(file, `name: s\nproposals: [shared, xpti]\n${text}`);
    return readSweep(file, version);
  };

  it("crosses each value with each, and takes zipped ones row by row", () => {
    const { cells } = read(
      `${SYNTHETIC}crossed: { syscalls: [1, 2] }\nzipped: { forks: [3, 4, 5], slotChurn: [6, 7, 8] }\n`,
    );
    expect(cells).to.have.lengthOf(2 * 2 * 3);
    const points = cells.filter(({ proposal }) => proposal === "xpti").map(({ parameters }) => parameters);
    expect(points[1]).to.deep.equal({ forks: 3, slotChurn: 6, syscalls: 2 });
    expect(points.at(-1)).to.deep.equal({ forks: 5, slotChurn: 8, syscalls: 2 });
  });

  it("simulates cells that differ in prices alone once", () => {
    const { cells, groups } = read(`${SYNTHETIC}crossed: { constants.ipi: [500, 1000, 3000] }\n`);
    expect([cells.length, groups.length]).to.deep.equal([6, 2]);
    expect(groups[0]!.cells[2]!.priced.constants.ipi).to.include({ low: 3000, likely: 3000, high: 3000 });
  });

  it("gives a cell the same key in any sweep, and another one where anything that it follows from differs", () => {
    const keys = (text: string, version?: string) => read(text, version).cells.map(({ key }) => key);
    const [one] = keys(SYNTHETIC);
    expect(keys(`${SYNTHETIC}crossed: { syscalls: [0, 9] }\n`)).to.not.include(one);
    expect(keys(`profiles: [amd-zen, skylake-pcid]\n${SYNTHETIC}`)).to.include(one);
    expect(keys(`seed: 1\n${SYNTHETIC}`)).to.not.include(one);
    expect(keys(SYNTHETIC, "2")).to.not.include(one);
    const all = keys(`${SYNTHETIC}crossed: { syscalls: [0, 9], constants.ipi: [1, 2] }\n`);
    expect(new Set(all).size).to.equal(8);
  });

  it("with more vCPUs than a shim can have is refused before anything runs", () => {
    const file = join(dir, "shim.yaml");
    const write = (n: number) =>
      writeFileSync(
        file,
        `name: s\nproposals: [shim]\nworkloads: [{ synthetic: { vcpus: ${n}, threads: ${n} } }]\n`,
      );
    write(33);
    expect(() => readSweep(file, "1")).to.throw(BadInput, "workloads.0: 33 vCPUs are more than the 32");
    write(32);
    expect(readSweep(file, "1").cells).to.have.lengthOf(1);
  });

  for (const [what, text, says] of [
    ["a parameter that there is not", `${SYNTHETIC}crossed: { sycalls: [1] }\n`, "sycalls: is no parameter"],
    [
      "a constant that there is not",
      `${SYNTHETIC}crossed: { constants.ip: [1] }\n`,
      "constants.ip: is no parameter",
    ],
    ["a value out of range", `${SYNTHETIC}crossed: { idle: [2] }\n`, "idle: 2"],
    [
      "zipped lists of different lengths",
      `${SYNTHETIC}zipped: { forks: [1], syscalls: [1, 2] }\n`,
      "different lengths",
    ],
    [
      "more threads than there are, to switch to",
      "workloads: [{ synthetic: { threads: 2, sameMmSwitches: 5 } }]\n",
      "workloads.0: 2 threads cannot switch",
    ],
    [
      "a recording that is not there",
      "workloads: [{ recording: nowhere.txt }]\n",
      "nowhere.txt is not there",
    ],
    [
      "a rate swept where no work has rates",
      "workloads: [{ recording: make_j2 }]\ncrossed: { forks: [1] }\n",
      "and there is none",
    ],
    ["a proposal that there is not", `proposals: [xpty]\n${SYNTHETIC}`, "sweep.yaml"],
    [
      "more cells than anybody meant",
      `${SYNTHETIC}crossed: { syscalls: [${MANY}], forks: [${MANY}] }\n`,
      "comes to 320000 cells",
    ],
  ] as const) {
    it(`with ${what} is refused before anything runs`, () => {
      expect(() => read(text)).to.throw(BadInput, says);
    });
  }
});
