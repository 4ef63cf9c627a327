import { expect } from "chai";
import { checkProposal } from "../../../experiments/check/check-proposal.js";
import { MUTANTS } from "../../../experiments/check/mutants.js";
import type { Bounds } from "../../../experiments/check/bounds.js";
import { proposal } from "../../machine/booted-machine.js";

/** Two threads of one process, one slot, an operation each. */
const SMALL: Bounds = { vcpus: 2, threads: 2, mms: 1, slots: 1, ops: 1 };

/** A counterexample that is longer tells a maintainer nothing. */
const MOST_ACTIONS = 25;

const violated = async (name: string, sizes: Bounds): Promise<[string[], number, number]> => {
  const result = await checkProposal({ proposal: proposal(name), sizes });
  const broken = result.properties.filter((one) => one.verdict !== "holds").map((one) => one.name);
  return [broken, result.states, result.transitions];
};

const PROMISE = ["onePcpuPerUserL4", "onePcpuPerL4InGuest", "onePcpuPerL4InXen"];

describe("a check of two threads with one operation each", () => {
  // a changed count is a changed model: say why in the commit
  for (const [name, broken, states, transitions] of [
    ["shared", PROMISE, 828, 1723],
    ["xpti", ["onePcpuPerUserL4", "onePcpuPerL4InXen"], 955, 1990],
    ["xen-vcpu-root", [], 929, 1938],
    ["linux-per-thread", [...PROMISE, "nothingIsRefused"], 4602, 8908],
    ["linux-per-thread-unlazy", [], 2497, 4303],
    ["linux-per-mm-vcpu", [], 1008, 2087],
    ["linux-per-vcpu", [], 1272, 2575],
    ["linux-per-vcpu-local-flush", [], 1246, 2525],
  ] as const) {
    const what = broken.length === 0 ? "finds nothing in" : "finds the promise broken in";
    it(`${what} ${name}`, async () => {
      const [found, ...counts] = await violated(name, SMALL);
      expect([...found].sort()).to.deep.equal([...broken].sort());
      expect(counts).to.deep.equal([states, transitions]);
    }).timeout(60_000);
  }
});

const OF_TWO_PROCESSES = [
  "rewrite-with-interrupts",
  "load-keeps-the-lock",
  "load-without-the-lock",
  "load-is-not-noted",
];

describe("a mutant", () => {
  for (const [mutant, { caughtBy, on, says, forks, hotplugs }] of Object.entries(MUTANTS)) {
    const [name] = on;
    it(`${mutant} (${says}) is caught on ${name} by ${caughtBy}`, async () => {
      const mms = OF_TWO_PROCESSES.includes(mutant) ? 2 : 1;
      const threads =
        forks !== undefined && !["pair-goes-while-loaded", "droppers-wait-for-each-other"].includes(mutant)
          ? 1
          : 2;
      const ops = caughtBy === "noFaultLoop" || forks !== undefined || hotplugs !== undefined ? 1 : 2;
      const { properties } = await checkProposal({
        proposal: proposal(name!),
        sizes: { ...SMALL, threads, mms, ops },
        mutant,
      });
      const found = properties.find((one) => one.name === caughtBy)!;
      expect(found.verdict).to.equal("violated");
      expect(found.counterexample!.actions.length).to.be.at.most(MOST_ACTIONS);
    }).timeout(60_000);
  }
});

describe("any guest on an exclusive audit", () => {
  it("never has an L4 on two vCPUs, nor reaches one through another", async () => {
    const options = { proposal: proposal("linux-per-mm-vcpu"), sizes: SMALL, guest: "any" } as const;
    const result = await checkProposal(options);
    expect(result.verdict).to.equal("holds");
    expect([result.states, result.transitions]).to.deep.equal([8352, 28644]);
  }).timeout(60_000);
});

describe("what cannot be checked", () => {
  it("is refused: more processes than threads", async () => {
    const options = { proposal: proposal("shared"), sizes: { ...SMALL, mms: 3 } };
    const error = await checkProposal(options).then(
      () => undefined,
      (reason: Error) => reason,
    );
    expect(error?.message).to.contain("--mms");
  });
});
