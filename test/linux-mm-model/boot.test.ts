import { expect } from "chai";
import { LINUX_DIRECT_MAP_SLOT } from "../../abi/layout.js";
import { PG_pinned } from "../../linux-mm-model/struct-page.js";
import { PvGuest } from "./pv-guest.js";

describe("boot", () => {
  it("starts every vCPU on swapper_pg_dir, running its idle task", () => {
    const { k, hv } = new PvGuest({ nrCpus: 3 });
    expect(hv.cr3).to.deep.equal([k.mms.pgd[0], k.mms.pgd[0], k.mms.pgd[0]]);
    expect([...k.percpu.current]).to.deep.equal([0, 1, 2]);
  });

  it("maps tables read-only and all other frames of the guest writable", () => {
    const { k, hv } = new PvGuest();
    for (let pfn = k.config.firstFrame; pfn < k.config.nrFrames; pfn++) {
      const table = (k.pages.flags[pfn]! & PG_pinned) !== 0;
      expect(hv.writable(0, pfn), `pfn ${pfn}`).to.equal(!table);
    }
  });

  it("maps no frame that is Xen's", () => {
    const { k } = new PvGuest();
    const l3 = k.memory.frame(k.mms.pgd[0]!, LINUX_DIRECT_MAP_SLOT);
    const l1 = k.memory.frame(k.memory.frame(l3, 0), 0);
    for (let pfn = 0; pfn < k.config.firstFrame; pfn++) expect(k.memory.flags(l1, pfn)).to.equal(0);
  });

  it("fills all 64 vmalloc slots, so that the kernel half never changes", () => {
    const { k } = new PvGuest();
    for (let slot = 402; slot <= 465; slot++) expect(k.memory.flags(k.mms.pgd[0]!, slot)).to.not.equal(0);
  });

  it("takes well under a second for a million frames", () => {
    const begin = process.hrtime.bigint();
    new PvGuest({ nrFrames: 1 << 20, nrTables: 4096 });
    expect(Number(process.hrtime.bigint() - begin) / 1e9).to.be.below(0.7);
  });
});
