import { expect } from "chai";
import { MMUEXT_PIN_L4_TABLE } from "../../../abi/mmuext-op.js";
import { PARAVIRT_LAZY_CPU, PARAVIRT_LAZY_MMU } from "../../../linux-mm-model/percpu.js";
import { set_pair_slot } from "../../../linux-mm-model/top-level/pair.js";
import {
  CB_xen_pte_unlock,
  MULTI_stack_switch,
  xen_extend_mmu_update,
  xen_extend_mmuext_op,
  xen_mc_batch,
  xen_mc_callback,
  xen_mc_flush,
  xen_mc_issue,
} from "../../../linux-mm-model/xen/multicalls.js";
import { PvGuest } from "../pv-guest.js";

describe("xen_mc_extend_args", () => {
  it("lets at most 31 mmu_update requests into one flush: 32 of 16 bytes would fill the 512 bytes", () => {
    const guest = new PvGuest();
    const { k } = guest;
    for (let slot = 0; slot < 40; slot++) xen_extend_mmu_update(k, 0, 0, 100, slot, 200, 0);
    xen_mc_flush(k, 0);
    expect(guest.hv.log.map((call) => call.items)).to.deep.equal([31, 9]);
    expect(guest.count("mc_extend_mmu_update_no_space")).to.equal(1);
    expect(guest.count("mc_flush_forced_args")).to.equal(1);
  });

  it("lets at most 21 mmuext_ops into one flush: 22 of 24 bytes would not fit in 512 bytes", () => {
    const guest = new PvGuest();
    const { k } = guest;
    for (let i = 0; i < 30; i++) xen_extend_mmuext_op(k, 0, MMUEXT_PIN_L4_TABLE, 100 + i);
    xen_mc_flush(k, 0);
    expect(guest.hv.log.map((call) => call.items)).to.deep.equal([21, 9]);
  });

  it("refuses when the last queued call is another hypercall, or none is queued", () => {
    const guest = new PvGuest();
    const { k } = guest;
    xen_extend_mmu_update(k, 0, 0, 100, 0, 200, 0);
    MULTI_stack_switch(k, 0, 1);
    xen_extend_mmu_update(k, 0, 0, 100, 1, 200, 0);
    xen_mc_flush(k, 0);
    expect(guest.count("mc_extend_mmu_update_bad_op")).to.equal(2);
    expect(guest.hv.multicalls).to.deep.equal([3]);
  });
});

describe("the same slot of two tables, queued in one piece", () => {
  it("is queued, and counted, as two requests one after the other", () => {
    const [both, each] = [new PvGuest(), new PvGuest()];
    each.k.at_once = false;
    for (const guest of [both, each]) {
      const { k } = guest;
      k.pages.private[100] = 101;
      for (let slot = 0; slot < 40; slot++) {
        set_pair_slot(k, 0, 100, slot, 200 + slot, 0x67);
        if (slot === 35) MULTI_stack_switch(k, 0, 1);
        if (slot === 37) xen_extend_mmu_update(k, 0, 0, 100, slot, 0, 0);
      }
      xen_mc_flush(k, 0);
    }
    expect(both.hv.log).to.deep.equal(each.hv.log);
    expect(both.k.ledger.collect()).to.deep.equal(each.k.ledger.collect());
    expect(both.hv.log.map((call) => call.items)).to.include.members([31, 1]);
  });
});

describe("xen_mc_flush", () => {
  it("makes a flush of one entry a direct hypercall", () => {
    const guest = new PvGuest();
    MULTI_stack_switch(guest.k, 0, 1);
    xen_mc_flush(guest.k, 0);
    expect(guest.hv.multicalls).to.deep.equal([]);
    expect(guest.hv.log).to.have.length(1);
    expect(guest.hv.log[0]!.inMulticall).to.equal(false);
  });

  it("makes a flush of two entries one multicall, in order", () => {
    const guest = new PvGuest();
    MULTI_stack_switch(guest.k, 0, 1);
    xen_extend_mmu_update(guest.k, 0, 0, 100, 0, 200, 0);
    xen_mc_flush(guest.k, 0);
    expect(guest.hv.multicalls).to.deep.equal([2]);
    expect(guest.hv.log.map((call) => call.name)).to.deep.equal(["stack_switch", "mmu_update"]);
  });

  it("calls Xen for nothing when the buffer is empty, but is counted", () => {
    const guest = new PvGuest();
    xen_mc_flush(guest.k, 0);
    expect(guest.hv.log).to.deep.equal([]);
    expect(guest.count("mc_flush_empty")).to.equal(1);
    expect(guest.count("mc_flush")).to.equal(0);
  });

  it("is forced by the 33rd call, and by the 33rd callback", () => {
    const guest = new PvGuest();
    for (let i = 0; i < 33; i++) MULTI_stack_switch(guest.k, 0, 1);
    expect(guest.hv.multicalls).to.deep.equal([32]);
    expect(guest.count("mc_flush_forced_batch")).to.equal(1);
    for (let i = 0; i < 33; i++) xen_mc_callback(guest.k, 0, CB_xen_pte_unlock, 0);
    expect(guest.count("mc_flush_forced_callback")).to.equal(1);
  });
});

describe("xen_mc_issue", () => {
  for (const [lazy, mode, flushed] of [
    [0, PARAVIRT_LAZY_MMU, true],
    [PARAVIRT_LAZY_MMU, PARAVIRT_LAZY_MMU, false],
    [PARAVIRT_LAZY_CPU, PARAVIRT_LAZY_MMU, true],
    [PARAVIRT_LAZY_CPU, PARAVIRT_LAZY_CPU, false],
    [PARAVIRT_LAZY_MMU, 0, true],
  ] as const) {
    it(`${flushed ? "flushes" : "leaves the calls queued"} for mode ${mode} in lazy mode ${lazy}`, () => {
      const guest = new PvGuest();
      guest.k.percpu.lazy_mode[0] = lazy;
      xen_mc_batch(guest.k, 0);
      MULTI_stack_switch(guest.k, 0, 1);
      xen_mc_issue(guest.k, 0, mode);
      expect(guest.hv.log.length).to.equal(flushed ? 1 : 0);
    });
  }
});
