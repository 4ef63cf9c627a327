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
        randomOps(seed, 250, 2)
          .filter(({ op }) => KINDS.includes(op))
          .forEach((op, i) => {
            runOp(machine, op);
            runOp(plain, op);
            if (i % 16 === 0) expect(machine.equals(plain)).to.equal(true);
          });
        expect(machine.equals(plain)).to.equal(true);
      }
      const pvh = name === "control-pvh";
      const pv64 = !pvh && name !== "control-pv32";
      expect(made.store_empty).to.satisfy((n: number) => (pvh ? n === 0 : n > 15));
      expect(made.update_l1es).to.satisfy((n: number) => (pvh ? n === 0 : n > 5));
      for (const fault of [made.fill_on_fault, made.fill_run_on_fault])
        expect(fault).to.satisfy((n: number) => (pv64 ? n > 10 : n === 0));
      const toggles = pv64 && machine.xen.root.toggles_by_cr3 === true;
      expect(made.replace_on_fault).to.satisfy((n: number) => (toggles ? n > 0 : n === 0));
    });
  }
});

const FORMS = [
  "store_empty",
  "update_l1es",
  "fill_on_fault",
  "fill_run_on_fault",
  "replace_on_fault",
] as const;

/** How often each was made, rather than left to be made one by one. */
function listen(hv: Hypervisor): Record<(typeof FORMS)[number], number> {
  const made = {
    store_empty: 0,
    update_l1es: 0,
    fill_on_fault: 0,
    fill_run_on_fault: 0,
    replace_on_fault: 0,
  };
  for (const name of FORMS) {
    const method = hv[name] as ((...args: unknown[]) => boolean) | undefined;
    if (method === undefined) continue;
    hv[name] = (...args: unknown[]) => {
      const done = method.apply(hv, args);
      if (done) made[name]++;
      return done;
    };
  }
  return made;
}
