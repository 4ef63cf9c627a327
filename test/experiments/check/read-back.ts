/** A model's states, written and read back, compared with the machine that goes on: as many runs as the suite has time for. */
import { expect } from "chai";
import * as fc from "fast-check";
import type { Model } from "../../../checker/model.js";
import { DEFAULT_BOUNDS } from "../../../experiments/check/bounds.js";
import { makePvModel } from "../../../experiments/check/pv-model.js";
import { PV_PROPOSALS, proposal } from "../../machine/booted-machine.js";

const said = (model: Model): string => [...model.describe()].map((fact) => fact.join(": ")).join("\n");

/** One `it` a proposal, and another where mms come and go: `runs` random runs of 30 to 140 actions. */
export function goesOnAsWritten(runs: number): void {
  const cases = [0, 1].flatMap((forks) => PV_PROPOSALS.map((name) => [name, forks] as const));
  for (const [name, forks] of cases) {
    const how = forks === 0 ? "" : " where mms come and go";
    it(`goes on under ${name}${how} as the machine that it was written by`, () => {
      const make = () =>
        makePvModel({ proposal: proposal(name), bounds: { ...DEFAULT_BOUNDS, slots: 2, ops: 2, forks } });
      const machine = make();
      const reader = make();
      const written = new Uint8Array(machine.stateBytes);
      const read = new Uint8Array(machine.stateBytes);
      const others: Uint8Array[] = [];
      fc.assert(
        fc.property(
          fc.array(fc.nat(1_000_000), { minLength: 30, maxLength: 140, size: "max" }),
          (choices) => {
            machine.initial();
            reader.initial();
            for (const choice of choices) {
              const action = machine.actions.findIndex((_, i) =>
                machine.run((i + choice) % machine.actions.length),
              );
              if (action < 0) break;
              const taken = (action + choice) % machine.actions.length;
              // other states in between leave nothing behind
              reader.store(read, 0);
              others.push(read.slice());
              reader.load(others[choice % others.length]!, 0);
              for (let i = 0; i < 3; i++) reader.run((choice + i) % reader.actions.length);
              reader.load(read, 0);
              // an action that is taken back leaves nothing behind either
              reader.run(taken);
              reader.reload!(reader.actions[taken]!.process);
              reader.store(written, 0);
              expect(Buffer.compare(read, written), `${reader.actions[taken]!.name}, taken back`).to.equal(0);
              expect(reader.run(taken), machine.actions[taken]!.name).to.equal(true);
              machine.store(written, 0);
              reader.store(read, 0);
              expect(Buffer.compare(read, written), machine.actions[taken]!.name).to.equal(0);
              expect(said(reader)).to.equal(said(machine));
            }
          },
        ),
        { numRuns: runs, seed: 7 },
      );
    }).timeout(600_000);
  }
}
