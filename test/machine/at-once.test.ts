/** PTEs that are set or cleared many at once come out as one by one, in each byte of the state. */
import { expect } from "chai";
import { randomOps } from "../../experiments/synthetic/ops.js";
import { runOp, start } from "../../experiments/synthetic/run-ops.js";
import type { Hypervisor } from "../../abi/hypervisor.js";
import { bootedMachine, PROPOSALS } from "./booted-machine.js";

const KINDS = ["exec", "exit", "fork", "mmap", "munmap", "mprotect", "switch", "idle", "touch", "ktouch"];

describe("PTEs set and cleared many at once", () => {
  for (const name of PROPOSALS) {
    it(`leave what they leave one by one, under ${name}`, () => {
      const [machine, plain] = [bootedMachine(name), bootedMachine(name)];
      plain.linux.at_once = false;
      const made = listen(machine.linux.hv);
      for (const m of [machine, plain]) start(m);
      for (let seed = 0; seed < 3; seed++) {
        for (const op of randomOps(seed, 250, 2).filter(({ op }) => KINDS.includes(op))) {
          runOp(machine, op);
          runOp(plain, op);
        }
        expect(machine.equals(plain)).to.equal(true);
      }
      if (name === "control-pvh") expect(made).to.deep.equal({ store_empty: 0, update_l1es: 0 });
      else {
        expect(made.store_empty).to.be.above(15);
        expect(made.update_l1es).to.be.above(5);
      }
    });
  }
});

/** How often each was made, rather than left to be made one by one. */
function listen(hv: Hypervisor): { store_empty: number; update_l1es: number } {
  const made = { store_empty: 0, update_l1es: 0 };
  const { store_empty, update_l1es } = hv;
  if (store_empty !== undefined) {
    hv.store_empty = (...args) => {
      const done = store_empty.apply(hv, args);
      if (done) made.store_empty++;
      return done;
    };
  }
  if (update_l1es !== undefined) {
    hv.update_l1es = (...args) => {
      const done = update_l1es.apply(hv, args);
      if (done) made.update_l1es++;
      return done;
    };
  }
  return made;
}
