import { expect } from "chai";
import { makePvModel } from "../../../experiments/check/pv-model.js";
import { proposal } from "../../machine/booted-machine.js";
import { goesOnAsWritten } from "./read-back.js";

describe("a state that was written and read back", () => {
  goesOnAsWritten(3);

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
