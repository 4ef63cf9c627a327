import { expect } from "chai";
import { loadProposals } from "../../experiments/evaluate.js";
import { randomOps } from "../../experiments/synthetic/ops.js";
import { runOp, start } from "../../experiments/synthetic/run-ops.js";
import { Machine } from "../../machine/machine.js";
import { ReusedBytes } from "../../machine/reused-bytes.js";
import { bootedMachine } from "./booted-machine.js";

describe("a machine in the memory of an earlier one", () => {
  it("boots and goes on as one in its own, whatever design and size the earlier one had", () => {
    const bytes = new ReusedBytes();
    const ops = randomOps(1, 100, 2);
    for (const { name } of loadProposals([])) {
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
      expectCleared(bytes, written.length, name);
    }
  });

  it("leaves nothing behind where it has not come to the end of its boot", () => {
    const bytes = new ReusedBytes();
    const machine = new Machine(bootedMachine("xpti").config, bytes);
    machine.container.init();
    expect(machine.memory.words.some((word) => word !== 0)).to.equal(true);
    expectCleared(bytes, machine.state.usedBytes, "init");
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
      const unwritten = [99, last * 65536 + 100] as const;
      const taken = Buffer.from(bytes.take(length, () => unwritten));
      expect(taken.every((byte) => byte === 0)).to.equal(true);
      taken.fill(1, 0, unwritten[0]);
      taken.fill(1, unwritten[1], length);
    }
  });
});

/** What the last machine had is 0 for the next one. */
function expectCleared(bytes: ReusedBytes, length: number, what: string): void {
  const cleared = Buffer.from(bytes.take(length, () => [0, 0]));
  expect(cleared.equals(Buffer.alloc(cleared.length)), what).to.equal(true);
}
