/** Tables of Xen's own that a root design takes, with two pCPUs (facts/xen.md 10.3; what lies below an L3 is not counted). */
import { expect } from "chai";
import type { XenConfig } from "../../../xen-model/xen-config.js";
import { TestGuest } from "../test-guest.js";

describe("Of Xen's own memory", () => {
  const rows: [what: string, options: Partial<XenConfig>, tables: number][] = [
    ["a guest on its own L4s takes nothing", { root: "shared" }, 0],
    ["an audited one an L3 for each pCPU's slot", { root: "shared", exclusive: "enforce" }, 2],
    ["XPTI an L4 for each pCPU", { root: "xpti" }, 2],
    [
      "a root per vCPU takes an L4 and an L3 for each vCPU, and an L4 for each idle one",
      { root: "vcpu-root" },
      6,
    ],
  ];
  for (const [what, options, tables] of rows) {
    it(what, () => {
      expect(new TestGuest(options).xen.tables.design_bytes()).to.equal(tables * 4096);
    });
  }
});
