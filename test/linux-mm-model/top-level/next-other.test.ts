import { expect } from "chai";
import { PtMemory } from "../../../abi/memory.js";
import { _PAGE_NX, _PAGE_PRESENT } from "../../../abi/page.js";
import { State } from "../../../abi/state.js";
import { mulberry32 } from "../../../experiments/synthetic/seed.js";
import { is_other, next_other } from "../../../linux-mm-model/top-level/per-vcpu.js";

const PTES = 64;
/** Flags, frames: alike in part, and such that make an entry no number when it is read as one. */
const FLAGS = [0, 0x67, 0x47, _PAGE_NX | _PAGE_PRESENT, 0x7ff001 | _PAGE_NX, 0xfff000];
const FRAMES = [0, 7, 8, 2 ** 31 + 7, 2 ** 39, 2 ** 40 - 1];

describe("the slots in which a vCPU's L4 has another table than the reference", () => {
  it("are those that a comparison slot by slot finds, from any slot on", () => {
    const geometry = { nrFrames: 4, nrTables: 4, ptes: PTES };
    const memory = new PtMemory(new State(PtMemory.bytes(geometry)), geometry);
    const random = mulberry32(11);
    const one = (of: readonly number[]): number => of[Math.floor(random() * of.length)]!;
    for (let round = 0; round < 300; round++) {
      for (const table of [1, 2]) memory.words.fill(0, memory.at(table, 0), memory.at(table + 1, 0));
      for (let n = Math.floor(random() * 12); n > 0; n--) {
        const [slot, frame] = [Math.floor(random() * PTES), one(FRAMES)];
        memory.set(1, slot, frame, one(FLAGS));
        memory.set(2, slot, random() < 0.5 ? frame : one(FRAMES), one(FLAGS));
      }
      const [first, end] = [Math.floor(random() * 4), PTES - Math.floor(random() * 4)];
      const found: number[] = [];
      for (let slot = next_other(memory, 1, 2, first, end); slot < end;)
        slot = next_other(memory, 1, 2, found[found.push(slot) - 1]! + 1, end);
      const plain = Array.from({ length: end - first }, (_, i) => first + i);
      expect(found).to.deep.equal(plain.filter((slot) => is_other(memory, 1, 2, slot)));
    }
  });

  it("differ by table, not by what the processor sets of the flags", () => {
    const geometry = { nrFrames: 4, nrTables: 4, ptes: PTES };
    const memory = new PtMemory(new State(PtMemory.bytes(geometry)), geometry);
    memory.set(1, 5, 9, 0x67);
    memory.set(2, 5, 9, 0x47);
    expect(next_other(memory, 1, 2, 0, PTES)).to.equal(PTES);
    memory.set(2, 5, 9, 0x46);
    expect(next_other(memory, 1, 2, 0, PTES)).to.equal(5);
  });
});
