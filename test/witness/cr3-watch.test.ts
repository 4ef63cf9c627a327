import { expect } from "chai";
import { Cr3Watch, parseCr3, xenImage } from "../../witness/cr3-watch.js";

const REGISTERS = (...cr3s: string[]): string =>
  cr3s
    .map(
      (cr3, cpu) =>
        `\r\nCPU#${cpu}\r\nRAX=0000000000000001 RBX=0\r\nCR0=80050033 CR2=00007f00 CR3=${cr3} CR4=000006f0\r\n`,
    )
    .join("");

describe("witness: %cr3 of all pCPUs", () => {
  it("reads the table's address of each pCPU, without the bits below it", () => {
    expect(parseCr3(REGISTERS("00000001380fb000", "000000013813b018"))).to.deep.equal([
      0x1380fb000, 0x13813b000,
    ]);
  });

  it("tells L4s of the guest on two pCPUs from Xen's own", () => {
    const watch = new Cr3Watch();
    watch.add([0x1380fb000, 0x13813b000]);
    watch.add([0x7fc6e000, 0x7fc6e000]);
    const image = xenImage(["New Xen image base address: 0x7f800000"]);
    expect(watch.summary(image)).to.equal(
      "%cr3 of all pCPUs: 2 samples; no L4 of the guest on two; Xen's own on two, idle: 0x7fc6e000 (1)",
    );
    watch.add([0x1380fb000, 0x1380fb000]);
    expect(watch.summary(image)).to.include("L4s of the guest on two: 0x1380fb000 (1)");
  });
});
