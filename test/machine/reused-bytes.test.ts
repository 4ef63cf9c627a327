import { expect } from "chai";
import { randomOps } from "../../experiments/synthetic/ops.js";
import { runOp, start } from "../../experiments/synthetic/run-ops.js";
import { Machine } from "../../machine/machine.js";
import { ReusedBytes } from "../../machine/reused-bytes.js";
import { bootedMachine } from "./booted-machine.js";

describe("a machine in the memory of an earlier one", () => {
  it("boots and goes on as one in its own, whatever design and size the earlier one had", () => {
    const bytes = new ReusedBytes();
    const ops = randomOps(1, 100, 2);
    for (const name of ["xpti", "shim", "control-pvh", "control-pv32", "linux-per-vcpu"]) {
      const own = bootedMachine(name);
      const reusing = new Machine(own.config, bytes).boot();
      for (const machine of [own, reusing]) {
        start(machine);
        ops.forEach((op) => runOp(machine, op));
      }
      const written = Buffer.from(own.state.buffer);
      const reused = Buffer.from(reusing.state.buffer, 0, written.length);
      expect(reused.equals(written), name).to.equal(true);
      expect(reusing.ledger.collectByCause(), name).to.deep.equal(own.ledger.collectByCause());
    }
  });

  it("has as many bytes as it asked for that are 0, where larger and smaller ones had them before", () => {
    const bytes = new ReusedBytes();
    for (const [blocks, last] of [
      [1, 0],
      [3, 2],
      [1, 0],
      [3, 1],
      [2, 0],
      [3, 2],
    ] as const) {
      const length = blocks * 65536 - 100;
      const taken = Buffer.from(bytes.take(length));
      expect(taken.every((byte) => byte === 0)).to.equal(true);
      taken.fill(1, last * 65536, length);
    }
  });
});
