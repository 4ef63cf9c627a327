import { gzipSync } from "node:zlib";
import { expect } from "chai";
import { BadInput } from "../../abi/bad-input.js";
import { linuxComplaints, parseConsole, xenComplaints } from "../../witness/console.js";

describe("witness: console", () => {
  const packed = gzipSync("step 0 1 2 0\n").toString("base64");

  it("tells Xen's lines from Linux's, and takes blocks out, also where Xen writes into one", () => {
    const half = packed.length >> 1;
    const { linux, xen, blocks } = parseConsole(
      [
        "(XEN) Xen version 4.17.7",
        "[    1.0] Linux version 6.1.0",
        "@@ begin 000.0",
        packed.slice(0, half),
        "(XEN) d0 has something to say\r",
        packed.slice(half),
        "@@ end 000.0",
        "@@ all",
      ].join("\n"),
      "console.log",
    );
    expect(xen).to.deep.equal(["Xen version 4.17.7", "d0 has something to say"]);
    expect(linux).to.deep.equal(["[    1.0] Linux version 6.1.0", "@@ all"]);
    expect([...blocks]).to.deep.equal([["000.0", "step 0 1 2 0\n"]]);
  });

  it("refuses a block that is damaged, or has no end", () => {
    expect(() => parseConsole(`@@ begin a\n${packed.slice(8)}\n@@ end a`, "c.log")).to.throw(
      BadInput,
      /c\.log: block a: is damaged/,
    );
    expect(() => parseConsole(`@@ begin a\n${packed}`, "c.log")).to.throw(BadInput, /block a: has no end/);
  });

  it("finds what Linux and a debug Xen complain of", () => {
    expect(
      linuxComplaints([
        "[    2.1] WARNING: CPU: 1 PID: 40 at arch/x86/xen/multicalls.c:100 xen_mc_flush+0x1",
        "[    2.1] 1 of 2 multicall(s) failed: cpu 1",
        "[    2.2] Run /init as init process",
      ]),
    ).to.have.length(2);
    expect(
      xenComplaints([
        "mm.c:2100:d0v1 bad page type",
        "d0v1 refused an L4 (-EBUSY)",
        "Dom0 has maximum 3 VCPUs",
      ]),
    ).to.have.length(2);
  });
});
