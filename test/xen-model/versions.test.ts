/** What Xen 4.17 and master do differently (facts/xen.md 1.12). */
import { expect } from "chai";
import { push_vm_assist, VMASST_CMD_enable, VMASST_TYPE_pae_extended_cr3 } from "../../abi/vm-assist.js";
import { TestGuest } from "./test-guest.js";

const ERANGE = -34;
type Version = "4.17" | "master";

/** A PAE L3 in a frame above 4 GiB; the machine has but the guest's base tables below. */
function pinHighL3(version: Version, extended: boolean): number {
  const guest = new TestGuest({ pv32: true, version, framesBelow4GiB: 0x124 });
  if (extended) {
    const calls = guest.machine.calls[0]!;
    const row = push_vm_assist(calls, VMASST_CMD_enable, VMASST_TYPE_pae_extended_cr3);
    guest.xen.hypercall(0, calls, row);
  }
  guest.do({ op: "kernel_l2", page: "p4" });
  guest.tables({ p4: [], p2: ["none|0x0", "none|0x0", "none|0x0", "p4|0x1"] });
  const rc = guest.pin(3, "p2");
  expect(guest.broken()).to.deep.equal([]);
  return rc;
}

describe("A PAE L3 above 4 GiB", () => {
  it("is taken by 4.17", () => expect(pinHighL3("4.17", false)).to.equal(0));
  it("is -ERANGE in master", () => expect(pinHighL3("master", false)).to.equal(ERANGE));
  it("is taken by master from a guest with VMASST pae_extended_cr3", () =>
    expect(pinHighL3("master", true)).to.equal(0));
});

describe("MMUEXT_FLUSH_CACHE", () => {
  for (const [version, cmd, interrupts] of [
    ["4.17", "flush_cache", 0],
    ["4.17", "flush_cache_global", 1],
    ["master", "flush_cache", 1],
    ["master", "flush_cache_global", 1],
  ] as const) {
    it(`${cmd} interrupts ${interrupts} of the other pCPU in ${version}`, () => {
      const guest = new TestGuest({ version });
      expect(guest.mmuext(cmd)).to.equal(0);
      expect(guest.machine.ledger.total("ipi_sent")).to.equal(interrupts);
    });
  }
});
