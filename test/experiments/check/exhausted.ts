import { expect } from "chai";
import { explore } from "../../../checker/explore.js";
import { pvSource } from "../../../experiments/check/check-proposal.js";
import type { Bounds } from "../../../experiments/check/bounds.js";
import { proposal } from "../../machine/booted-machine.js";

/** Three threads over two processes on two vCPUs, two slots, two operations a thread. */
const BOUNDS = { vcpus: 2, threads: 3, mms: 2, slots: 2, ops: 2 };

/** A design holds, in so many states and transitions: a changed count is a changed model; say why in the commit. */
export function isExhausted(
  name: string,
  states: number,
  transitions: number,
  bounds: Bounds = BOUNDS,
): void {
  it(`holds under ${name}: ${states} states`, async () => {
    const source = pvSource({ proposal: proposal(name), bounds, kinds: "safety" });
    const outcome = await explore(source, { maxBytes: 8 * 2 ** 30 });
    expect(outcome.verdict).to.equal("holds");
    expect(outcome.soundness.ended).to.equal("exhausted");
    expect([outcome.states, outcome.transitions]).to.deep.equal([states, transitions]);
  });
}
