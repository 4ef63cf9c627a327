import { expect } from "chai";
import * as fc from "fast-check";
import type { Model } from "../../../checker/model.js";
import { makePvModel } from "../../../experiments/check/pv-model.js";
import { DEFAULT_BOUNDS } from "../../../experiments/check/bounds.js";
import { PV_PROPOSALS, proposal } from "../../machine/booted-machine.js";

const said = (model: Model): string => [...model.describe()].map((fact) => fact.join(": ")).join("\n");

describe("a state that was written and read back", () => {
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
              expect(reader.run(taken), machine.actions[taken]!.name).to.equal(true);
              machine.store(written, 0);
              reader.store(read, 0);
              expect(Buffer.compare(read, written), machine.actions[taken]!.name).to.equal(0);
              expect(said(reader)).to.equal(said(machine));
            }
          },
        ),
        { numRuns: 8, seed: 7 },
      );
    }).timeout(60_000);
  }

  it("names L3s in the order in which they are met, so that which frame it is makes no difference", () => {
    const model = makePvModel({
      proposal: proposal("shared"),
      bounds: { vcpus: 2, threads: 2, mms: 1, slots: 2, ops: 2 },
    });
    const take = (...names: string[]): Uint8Array => {
      model.initial();
      for (const name of names) {
        const [process, action] = [name[0], name.slice(2)];
        const i = model.actions.findIndex((one) => one.name === action && one.process === Number(process));
        expect(model.run(i), name).to.equal(true);
      }
      const bytes = new Uint8Array(model.stateBytes);
      model.store(bytes, 0);
      return bytes;
    };
    const find = "exc_page_fault: mmap_read_lock, find_vma";
    const faults = ["0 user access to slot 0", "1 user access to slot 1"];
    expect(take(...faults, `0 ${find}`, `1 ${find}`)).to.deep.equal(
      take(...faults, `1 ${find}`, `0 ${find}`),
    );
  });
});
