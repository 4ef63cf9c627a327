/** Drives every design with generated work, and looks at the promise and the illusion after every operation. */
import { expect } from "chai";
import { randomOps } from "../../experiments/synthetic/ops.js";
import { runOp, start } from "../../experiments/synthetic/run-ops.js";
import { ILLUSION, onePcpuPerL4InGuest, onePcpuPerL4InXen } from "../../machine/invariants.js";
import { Machine } from "../../machine/machine.js";
import { bootedMachine, PROPOSALS } from "./booted-machine.js";

type Name = (typeof PROPOSALS)[number];

/** What each proposal keeps, always: nothing, the promise while guests run, or the whole promise. */
export const KEEPS: Record<Name, "nothing" | "in guests" | "all"> = {
  shared: "nothing",
  "xpti-copy-always": "in guests",
  xpti: "in guests",
  "xen-vcpu-root": "all",
  "linux-per-thread": "nothing",
  "linux-per-thread-eager": "nothing",
  "linux-per-thread-unlazy": "all",
  "linux-per-mm-vcpu": "all",
  "linux-per-vcpu": "all",
  "linux-per-vcpu-local-flush": "all",
};

/** `workloads` lists of `ops` operations each, on three vCPUs. */
export function driveDesigns(workloads: number, ops: number): void {
  for (const name of PROPOSALS) {
    it(`${name} keeps ${KEEPS[name] === "nothing" ? "the illusion" : `the illusion, and the promise: ${KEEPS[name]}`}`, () => {
      drive(name, workloads, ops);
    }).timeout(1_800_000);
  }
}

function drive(name: Name, workloads: number, ops: number): void {
  const invariants = [
    ...ILLUSION,
    ...(KEEPS[name] === "nothing" ? [] : [onePcpuPerL4InGuest]),
    ...(KEEPS[name] === "all" ? [onePcpuPerL4InXen] : []),
  ];
  const booted = bootedMachine(name, { nrCpus: 3 });
  start(booted);
  const bytes = booted.snapshot();
  for (let seed = 0; seed < workloads; seed++) {
    const machine = new Machine(booted.config, bytes.slice(0));
    randomOps(seed, ops, 3).forEach((op, i) => {
      const where = () => `seed ${seed}, operation ${i}: ${JSON.stringify(op)}`;
      try {
        runOp(machine, op);
      } catch (error) {
        throw new Error(where(), { cause: error });
      }
      for (const { says, broken } of invariants) {
        const what = broken(machine);
        if (what !== "") expect.fail(`${where()}: not so: ${says}: ${what}`);
      }
    });
    if (KEEPS[name] === "all") expect(machine.xen.refused(), `seed ${seed}`).to.equal(0);
  }
}
