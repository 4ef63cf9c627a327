import { expect } from "chai";
import type { Proposal } from "../../../abi/proposal.js";
import { loadProposals } from "../../../experiments/evaluate.js";
import { type RatedWork, runRates } from "../../../experiments/synthetic/rates.js";
import { warmUpRates } from "../../../experiments/synthetic/warm-up.js";
import { proposal } from "../../machine/booted-machine.js";

const processor = { pcid: true, invpcid: true };
const work: RatedWork = {
  threads: 3,
  vcpus: 2,
  sameMmSwitches: 300,
  otherMmSwitches: 50,
  syscalls: 500,
  slotChurn: 20,
  forks: 20,
  idle: 0.1,
  placement: "spread",
};

/** A design that nobody has met, and whether it was booted. */
function watched(name: string): { design: Proposal; seen: { booted: boolean } } {
  const seen = { booted: false };
  const design = { ...proposal(name), name: `${name}, which nobody has met` };
  const { xen } = design;
  Object.defineProperty(design, "xen", { get: () => ((seen.booted = true), xen) });
  return { design, seen };
}

describe("running a little work by rates under all designs first", () => {
  it("changes nothing of what a run counts, under any of them", () => {
    const outcome = () => runRates(work, proposal("shim"), processor, 7);
    const before = outcome();
    warmUpRates(loadProposals([]), processor);
    expect(outcome()).to.deep.equal(before);
  });

  it("boots each design that this thread has not met, once", () => {
    const designs = ["xpti", "linux-per-thread"].map(watched);
    const booted = () => {
      for (const { seen } of designs) seen.booted = false;
      warmUpRates(
        designs.map(({ design }) => design),
        processor,
      );
      return designs.map(({ seen }) => seen.booted);
    };
    expect(booted()).to.deep.equal([true, true]);
    expect(booted()).to.deep.equal([false, false]);
  });
});
