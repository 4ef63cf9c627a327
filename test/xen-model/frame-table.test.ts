import { expect } from "chai";
import { Ledger } from "../../abi/ledger.js";
import { PtMemory } from "../../abi/memory.js";
import { State } from "../../abi/state.js";
import { Xen } from "../../xen-model/xen.js";

describe("The frame table", () => {
  it("takes less than 64 bytes a frame outside table contents, on a machine of 2^20 frames", () => {
    const geometry = { nrFrames: 2 ** 20, nrTables: 0, ptes: 512, nrXenFrames: 64 };
    const state = new State("measure");
    const ledger = new Ledger(state, 2);
    new Xen(state, new PtMemory(state, geometry), ledger, {
      geometry,
      nrPcpus: 2,
      nrVcpus: 2,
      root: "xpti",
      exclusive: "off",
      flush: "domain",
      pcid: false,
      invpcid: true,
      version: "4.17",
    });
    const bytes = state.usedBytes / geometry.nrFrames;
    expect(bytes).to.be.within(30, 32);
  });
});
