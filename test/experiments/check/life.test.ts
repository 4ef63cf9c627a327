import { expect } from "chai";
import { checkProposal } from "../../../experiments/check/check-proposal.js";
import type { Bounds } from "../../../experiments/check/bounds.js";
import { proposal } from "../../machine/booted-machine.js";

async function holds(name: string, sizes: Bounds, states: number, transitions: number): Promise<void> {
  const result = await checkProposal({ proposal: proposal(name), sizes });
  expect(result.properties.filter((one) => one.verdict !== "holds").map((one) => one.name)).to.deep.equal([]);
  expect([result.states, result.transitions]).to.deep.equal([states, transitions]);
}

// a changed count is a changed model: say why in the commit
describe("a check of a thread that forks or execs once, and exits, as its child does", () => {
  const sizes: Bounds = { vcpus: 2, threads: 1, mms: 1, slots: 1, ops: 1, forks: 1 };
  for (const [name, states, transitions] of [
    ["xen-vcpu-root", 17_331, 34_345],
    ["linux-per-thread-unlazy", 38_399, 77_280],
    ["linux-per-mm-vcpu", 43_526, 87_272],
    ["linux-per-vcpu", 48_349, 95_411],
    ["linux-per-vcpu-local-flush", 45_804, 90_804],
  ] as const) {
    it(`finds nothing in ${name}`, () => holds(name, sizes, states, transitions)).timeout(120_000);
  }
});

describe("a check of two threads beside a kernel thread that uses their mm", () => {
  const sizes: Bounds = { vcpus: 2, threads: 2, mms: 1, slots: 1, ops: 1, kthreads: 1 };
  for (const [name, states, transitions] of [
    ["xen-vcpu-root", 14_163, 36_556],
    ["linux-per-mm-vcpu", 14_596, 36_324],
    ["linux-per-vcpu", 20_420, 48_761],
    ["linux-per-vcpu-local-flush", 20_058, 47_975],
  ] as const) {
    it(`finds nothing in ${name}`, () => holds(name, sizes, states, transitions)).timeout(120_000);
  }
});
