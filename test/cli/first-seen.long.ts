import { expect } from "chai";
import { DEFAULT_BOUNDS } from "../../experiments/check/bounds.js";
import { explore } from "../../checker/explore.js";
import { isFairLasso } from "../../checker/minimise.js";
import type { FirstSeen } from "../../checker/options.js";
import { runActions } from "../../checker/run-path.js";
import { pvSource } from "../../experiments/check/check-proposal.js";
import { boundsFor, MUTANTS } from "../../experiments/check/mutants.js";
import { proposal } from "../machine/booted-machine.js";
import { runMain } from "./run-main.js";

/** A counterexample that is longer tells a maintainer nothing. */
const MOST_ACTIONS = 25;

describe("the first counterexample of a mutant, under the command's own bounds,", () => {
  for (const [mutant, { caughtBy, on, inTheEnd, guest = "linux" }] of Object.entries(MUTANTS)) {
    it(`is there among the first states, or met by a scout: ${mutant} on ${on[0]!}`, async () => {
      const source = pvSource({
        proposal: proposal(on[0]!),
        bounds: boundsFor(DEFAULT_BOUNDS, mutant),
        guest,
        mutant,
        ...(inTheEnd === true ? { kinds: "progress", only: caughtBy } : { kinds: "safety" }),
      });
      let first: FirstSeen | undefined;
      const seen = new AbortController();
      const onFirst = (found: FirstSeen): void => {
        first = found;
        seen.abort();
      };
      const outcome = await explore(source, { until: [caughtBy], onFirst, everyMs: 0, signal: seen.signal });
      const result = outcome.properties.find(({ name }) => name === caughtBy)!;
      expect(result.verdict).to.equal("violated");
      if (first === undefined) expect(outcome.states).to.be.below(10_000);
      else {
        const { model } = first;
        const { actions, loop } = first.result.counterexample!;
        expect(actions.length).to.be.at.most(MOST_ACTIONS);
        const at = model.properties.findIndex(({ name }) => name === caughtBy);
        if (loop !== undefined)
          expect(isFairLasso(model, at, actions.slice(0, loop), actions.slice(loop))).to.equal(true);
        else {
          expect(runActions(model, actions)).to.equal(actions.length);
          expect(model.properties[at]!.holds()).to.equal(false);
        }
      }
    });
  }
});

describe("pvtwin check of a mutant that a scout meets", () => {
  it("writes the same on any number of threads, and one document with --json", async () => {
    const args = ["xen-vcpu-root", "--mutant", "mm-goes-while-loaded"];
    const written = [];
    for (const workers of ["1", "2", "3"]) {
      const { out, status } = await runMain("check", ...args, "--workers", workers);
      expect(status).to.equal(1);
      written.push(out.replace(/, [\d.]+ s$/m, ""));
    }
    expect(written[0]).to.match(/^First seen, after /);
    expect(new Set(written).size).to.equal(1);
    const { out } = await runMain("check", ...args, "--json");
    expect(JSON.parse(out)).to.include({ verdict: "violated", states: 25_671, transitions: 50_341 });
  });
});
