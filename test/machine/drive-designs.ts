/** Drives every design with generated work, and looks at the promise and the illusion after every operation. */
import { expect } from "chai";
import { driveGenerated } from "../../experiments/synthetic/drive.js";
import {
  ILLUSION,
  nothingIsRefused,
  onePcpuPerL4InGuest,
  onePcpuPerL4InXen,
} from "../../machine/invariants.js";
import { proposal, PROPOSALS } from "./booted-machine.js";

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
  shim: "all",
  "control-pv32": "all",
  "control-pvh": "all",
  "control-idle": "in guests", // idle_pg_table
};

/** `workloads` lists of `ops` operations each, on three vCPUs. */
export function driveDesigns(workloads: number, ops: number): void {
  for (const name of PROPOSALS) {
    it(`${name} keeps ${KEEPS[name] === "nothing" ? "the illusion" : `the illusion, and the promise: ${KEEPS[name]}`}`, () => {
      drive(name, workloads, ops);
    }).timeout(1_800_000);
  }
}

function drive(name: Name, lists: number, ops: number): void {
  const invariants = [
    ...ILLUSION,
    ...(KEEPS[name] === "nothing" ? [] : [onePcpuPerL4InGuest]),
    ...(KEEPS[name] === "all" ? [onePcpuPerL4InXen, nothingIsRefused] : []),
  ];
  const found = driveGenerated(proposal(name), invariants, { lists, ops, nrCpus: 3 });
  if (found === undefined) return;
  const { says, what, seed, ops: done } = found;
  expect.fail(
    `seed ${seed}, operation ${done.length - 1}: ${JSON.stringify(done.at(-1))}: not so: ${says}: ${what}`,
  );
}
