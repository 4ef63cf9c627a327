import { expect } from "chai";
import { explore } from "../../../checker/explore.js";
import { pvSource } from "../../../experiments/check/check-proposal.js";
import { makePvModel, type PvModel } from "../../../experiments/check/pv-model.js";
import type { Bounds } from "../../../experiments/check/bounds.js";
import { proposal } from "../../machine/booted-machine.js";

const SMALL: Bounds = { vcpus: 2, threads: 2, mms: 1, slots: 1, ops: 1 };

/** States reached from the initial one, by their own names or by those that stand for all; of the former, what stands for them. */
function reached(model: PvModel, standing: boolean): { names: Set<string>; stood: Set<string> } {
  const names = new Set<string>();
  const stood = new Set<string>();
  const waiting: Uint8Array[] = [];
  const visit = (): void => {
    const bytes = new Uint8Array(model.stateBytes);
    if (standing) model.storeStanding!(bytes, 0);
    else model.store(bytes, 0);
    const name = Buffer.from(bytes).toString("latin1");
    if (names.has(name)) return;
    names.add(name);
    waiting.push(bytes);
  };
  model.initial();
  visit();
  for (let state = waiting.pop(); state !== undefined; state = waiting.pop()) {
    model.load(state, 0);
    const least = new Uint8Array(model.stateBytes);
    model.storeStanding!(least, 0);
    stood.add(Buffer.from(least).toString("latin1"));
    for (let process = 0; process < model.processes.length; process++) {
      for (const action of model.candidates!(process)) {
        if (!model.run(action)) continue;
        visit();
        model.reload!(process);
      }
    }
  }
  return { names, stood };
}

describe("vCPUs, threads and slots", () => {
  for (const [name, sizes] of [
    ["shared", { ...SMALL, slots: 2 }],
    ["shared", { ...SMALL, mms: 2 }],
    ["xpti", SMALL],
    ["xpti-copy-always", SMALL],
    ["xen-vcpu-root", SMALL],
    ["linux-per-thread", SMALL],
    ["linux-per-thread-unlazy", SMALL],
    ["linux-per-mm-vcpu", SMALL],
    ["linux-per-vcpu", { ...SMALL, slots: 2 }],
    ["linux-per-vcpu-local-flush", SMALL],
  ] as const) {
    const { mms, slots } = sizes;
    it(`can be exchanged under ${name} with ${mms} processes, ${slots} slots: the same states are reached`, () => {
      const model = makePvModel({ proposal: proposal(name), bounds: sizes, kinds: "safety" });
      const { names: reduced } = reached(model, true);
      const { names: all, stood } = reached(model, false);
      expect([...reduced].every((state) => stood.has(state))).to.equal(true);
      expect(reduced.size).to.equal(stood.size);
      expect(all.size).to.be.above(1.5 * reduced.size);
    }).timeout(60_000);
  }
});

describe("the reductions of a checked proposal", () => {
  const without = ["onePcpuPerUserL4", "onePcpuPerL4InGuest", "onePcpuPerL4InXen", "nothingIsRefused"];
  for (const name of [
    "xpti",
    "linux-per-thread",
    "linux-per-thread-unlazy",
    "linux-per-mm-vcpu",
    "linux-per-vcpu",
  ]) {
    it(`change no verdict on ${name}, alone or together`, async () => {
      const source = pvSource({ proposal: proposal(name), bounds: SMALL, kinds: "safety", without });
      const said = async (partialOrder: boolean, symmetry: boolean) => {
        const { verdict, properties, states } = await explore(source, { partialOrder, symmetry });
        return { verdict, properties: properties.map((one) => [one.name, one.verdict]), states };
      };
      const { states: all, ...answer } = await said(false, false);
      expect(answer.verdict).to.equal("holds");
      for (const [partialOrder, symmetry] of [
        [true, false],
        [false, true],
        [true, true],
      ] as const) {
        const { states, ...reduced } = await said(partialOrder, symmetry);
        expect(reduced).to.deep.equal(answer);
        expect(states).to.be.at.most(all);
        if (symmetry) expect(states).to.be.below(all / 3);
      }
    }).timeout(60_000);
  }

  it("of partial order leave states out where a vCPU takes references to tables that no other comes to", async () => {
    for (const name of ["linux-per-thread-unlazy", "linux-per-mm-vcpu"]) {
      const bounds = { ...SMALL, mms: 2 };
      const source = pvSource({ proposal: proposal(name), bounds, kinds: "safety" });
      const [reduced, full] = await Promise.all(
        [true, false].map((partialOrder) => explore(source, { partialOrder, symmetry: false })),
      );
      expect(reduced!.transitions).to.be.below(0.95 * full!.transitions);
      expect(reduced!.verdict).to.equal(full!.verdict);
    }
  }).timeout(60_000);

  for (const mutant of ["stay-lazy", "shared-init-tables", "no-eager-clear"]) {
    it(`hide no mutant: ${mutant}`, async () => {
      const bounds = { ...SMALL, ops: 2 };
      const source = pvSource({
        proposal: proposal("linux-per-thread-unlazy"),
        bounds,
        kinds: "safety",
        mutant,
      });
      for (const options of [{}, { partialOrder: false, symmetry: false }]) {
        const { properties } = await explore(source, options);
        expect(properties.some(({ verdict }) => verdict === "violated")).to.equal(true);
      }
    }).timeout(60_000);
  }
});
