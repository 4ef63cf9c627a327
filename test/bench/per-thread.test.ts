import { expect } from "chai";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { spin } from "../../bench/check.js";
import { perThread, type PerThreadOptions } from "../../bench/per-thread.js";
import { exploreBreadthFirst } from "../../checker/breadth-first.js";

const ONE_SLOT: PerThreadOptions = { cpus: 2, threads: [0, 0, 1], slots: 1, ops: 2 };
const ONE_MM: PerThreadOptions = { cpus: 2, threads: [0, 0], slots: 2, ops: 1 };
const PLAIN = { symmetry: false, partialOrder: false };

describe("the per-thread protocol of the benchmark", () => {
  for (const [name, options, states, transitions, upToSymmetry] of [
    ["one slot and two operations a thread", ONE_SLOT, 99_465, 307_562, 25_500],
    ["two threads, two slots and one operation a thread", ONE_MM, 37_933, 119_972, 4_884],
  ] as const) {
    it(`has ${states} states with ${name}, ${upToSymmetry} up to symmetry, and keeps its invariants`, async () => {
      const full = await exploreBreadthFirst(perThread(options), PLAIN);
      const quotient = await exploreBreadthFirst(perThread(options));
      expect([full.verdict, full.states, full.transitions]).to.deep.equal(["holds", states, transitions]);
      expect([quotient.verdict, quotient.states, quotient.depth]).to.deep.equal([
        "holds",
        upToSymmetry,
        full.depth,
      ]);
    });
  }

  it("has the states and transitions of the same protocol in Promela", function () {
    if (spawnSync("spin", ["-V"]).status !== 0 || spawnSync("gcc", ["--version"]).status !== 0) this.skip();
    const folder = mkdtempSync(join(tmpdir(), "pvtwin-spin-"));
    try {
      const run = spin(folder, "pan", ["-DNOREDUCE"], ["-DSLOTS=1", "-DOPS=2"]);
      const { states, transitions } = run();
      expect([states, transitions]).to.deep.equal([99_465, 307_562]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
