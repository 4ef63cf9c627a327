/** A root per vCPU, as in "Address Space Isolation" v2 (facts/xen.md 4.3): copy points, window, slot 256, log-dirty. */
import { expect } from "chai";
import type { EventName } from "../../../abi/events.js";
import { RO_MPT_SLOT } from "../../../abi/layout.js";
import { decisionLine } from "../../../xen-model/audit-log.js";
import { enable_log_dirty } from "../../../xen-model/paging-domctl.js";
import { copy_guest_slots } from "../../../xen-model/root/copy-slots.js";
import { registerRootDesign, type RootDesignClass } from "../../../xen-model/root/root-design.js";
import { VcpuRoot } from "../../../xen-model/root/vcpu-root.js";
import type { Xen } from "../../../xen-model/xen.js";
import { TestGuest } from "../test-guest.js";

/** Both vCPUs run on base_l4 in kernel mode; p1 is vCPU 0's user table, p2 another L4, pinned; p4 is an empty L3. */
function guestWith(root = "vcpu-root"): TestGuest {
  const guest = new TestGuest({ root });
  guest.tables({ p4: [] });
  for (const page of ["p1", "p2"]) {
    guest.do({ op: "write", page, index: 511, entry: "base_l3|0x67" });
    guest.home("ro", page);
  }
  for (const rc of [guest.pin(3, "p4"), guest.mmuext("new_user_baseptr", "p1"), guest.pin(4, "p2")])
    expect(rc).to.equal(0);
  return guest;
}

/** How often `events` happened in `act`; nothing is broken afterwards. */
function counted(guest: TestGuest, events: readonly EventName[], act: () => void): number[] {
  guest.machine.ledger.clear();
  act();
  expect(guest.broken()).to.deep.equal([]);
  return events.map((event) => guest.machine.ledger.total(event));
}

const entry = ({ xen }: TestGuest, frame: number, slot: number) => [
  xen.mem.frame(frame, slot),
  xen.mem.flags(frame, slot),
];

describe("A root per vCPU: the copy", () => {
  const copies = (guest: TestGuest, act: () => void) => counted(guest, ["l4_copy", "l4_slots_copied"], act);

  it("is made at each CR3 load and each switch of mode, of 497 slots, and not by NEW_USER_BASEPTR", () => {
    const guest = guestWith();
    expect(copies(guest, () => guest.mmuext("new_baseptr", "p2"))).to.deep.equal([1, 497]);
    expect(
      copies(guest, () => guest.mmuext("new_baseptr", "p2")),
      "the same L4",
    ).to.deep.equal([1, 497]);
    expect(copies(guest, () => guest.mmuext("new_user_baseptr", "base_l4"))).to.deep.equal([0, 0]);
    expect(copies(guest, () => guest.xen.iret(0, true))).to.deep.equal([1, 497]);
    expect(copies(guest, () => guest.xen.syscall(0))).to.deep.equal([1, 497]);
  });

  it("is not made by hypercalls and interrupts that leave CR3 and L4s alone", () => {
    const guest = guestWith();
    expect(copies(guest, () => guest.mmuext("tlb_flush_all"))).to.deep.equal([0, 0]);
    expect(
      copies(guest, () => guest.set("p4", 0, "none|0x0")),
      "an L3",
    ).to.deep.equal([0, 0]);
    expect(copies(guest, () => guest.xen.interrupt(0))).to.deep.equal([0, 0]);
  });

  it("follows an edit of the L4 that both run on, once on each pCPU: there in the interrupt", () => {
    const guest = guestWith();
    const events = ["l4_copy", "ipi_sent", "ipi_taken"] as const;
    expect(counted(guest, events, () => guest.set("base_l4", 7, "p4|0x67"))).to.deep.equal([2, 1, 1]);
    const updates = [8, 9, 10].map((index) => ({
      ...{ cmd: "normal" as const, table: "base_l4", index },
      entry: "p4|0x67",
    }));
    const all = () => guest.do({ op: "mmu_update", updates });
    expect(counted(guest, events, all), "three edits, one flush").to.deep.equal([2, 1, 1]);
  });

  it("follows an edit of an L4 that nobody runs on not at all, and of one's own user table when that is next current", () => {
    const guest = guestWith();
    expect(
      copies(guest, () => guest.set("p2", 7, "p4|0x67")),
      "pinned alone",
    ).to.deep.equal([0, 0]);
    expect(
      copies(guest, () => guest.set("p1", 7, "p4|0x67")),
      "user table",
    ).to.deep.equal([0, 0]);
    guest.xen.iret(0, true);
    expect(entry(guest, guest.xen.vcpus.root[0]!, 7)[0]).to.equal(guest.frame("p4"));
  });

  it("is made ahead of the flush that asks for it", () => {
    const at: string[] = [];
    class Watched extends VcpuRoot {
      override flush_root_pgtbl(x: Xen, vcpu: number): void {
        super.flush_root_pgtbl(x, vcpu);
        at.push(`vcpu ${vcpu}: ${x.ledger.total("l4_copy")} copies, ${x.ledger.total("tlb_flush")} flushes`);
      }
    }
    registerRootDesign("watched-vcpu-root", Watched);
    const guest = guestWith("watched-vcpu-root");
    guest.machine.ledger.clear();
    guest.set("base_l4", 7, "p4|0x67");
    expect(at).to.deep.equal(["vcpu 0: 1 copies, 0 flushes", "vcpu 1: 2 copies, 1 flushes"]);
  });

  it("waits on an idle pCPU until its vCPU runs: an edit's interrupt makes it leave the vCPU's root, and is the last one", () => {
    const guest = guestWith();
    const { xen } = guest;
    const events = ["l4_copy", "ipi_sent", "ipi_taken_idle", "sync_execstate"] as const;
    xen.block(1);
    expect(xen.xen_cr3(1), "lazily").to.equal(xen.vcpus.root[1]);
    expect(counted(guest, events, () => guest.set("base_l4", 7, "p4|0x67"))).to.deep.equal([1, 1, 1, 1]);
    expect([xen.xen_cr3(1), xen.guest_cr3(1)]).to.deep.equal([xen.pcpus.idle_l4[1], xen.pcpus.idle_l4[1]]);
    expect(counted(guest, events, () => guest.set("base_l4", 8, "p4|0x67"))).to.deep.equal([1, 0, 0, 0]);
    expect(counted(guest, ["l4_copy"], () => xen.interrupt(1))).to.deep.equal([1]);
    expect(xen.xen_cr3(1)).to.equal(xen.vcpus.root[1]);
    expect(entry(guest, xen.vcpus.root[1]!, 8)[0]).to.equal(guest.frame("p4"));
  });

  it("leaves no guest's L4 in %cr3, in the guest or in Xen, and no root on two pCPUs, idle ones included", () => {
    const { xen } = guestWith();
    const roots = [...xen.vcpus.root, ...xen.pcpus.idle_l4];
    expect(new Set(roots).size).to.equal(4);
    for (const pcpu of [0, 1]) {
      expect([xen.guest_cr3(pcpu), xen.xen_cr3(pcpu)]).to.deep.equal([
        xen.vcpus.root[pcpu],
        xen.vcpus.root[pcpu],
      ]);
    }
  });
});

describe("A root per vCPU: the window on the guest's L4", () => {
  const moves = (guest: TestGuest, act: () => void) => counted(guest, ["l4_window", "invlpg"], act);

  it("moves with NEW_BASEPTR and with each switch of mode, for one INVLPG; not where the L4 stays", () => {
    const guest = guestWith();
    const window = () => guest.machine.nameOf(guest.xen.vcpus.l4_window[0]!);
    expect(moves(guest, () => guest.mmuext("new_baseptr", "p2"))).to.deep.equal([1, 1]);
    expect(window()).to.equal("p2");
    expect(moves(guest, () => guest.xen.iret(0, true))).to.deep.equal([1, 1]);
    expect(window()).to.equal("p1");
    expect(moves(guest, () => guest.xen.syscall(0))).to.deep.equal([1, 1]);
    expect(window()).to.equal("p2");
    expect(
      moves(guest, () => guest.mmuext("new_baseptr", "p2")),
      "the same L4",
    ).to.deep.equal([0, 0]);
    expect(
      moves(guest, () => guest.set("p2", 7, "p4|0x67")),
      "an edit",
    ).to.deep.equal([0, 0]);
  });
});

describe("A root per vCPU: Xen's slots", () => {
  it("have slot 256 from the current L4: blank in one that was a user table only, the M2P in a kernel table", () => {
    const guest = guestWith();
    const root = guest.xen.vcpus.root[0]!;
    const m2p = entry(guest, guest.frame("base_l4"), RO_MPT_SLOT);
    expect(entry(guest, root, RO_MPT_SLOT)).to.deep.equal(m2p);
    guest.xen.iret(0, true);
    expect(entry(guest, root, RO_MPT_SLOT)).to.deep.equal([0, 0]);
    guest.xen.syscall(0);
    expect(entry(guest, root, RO_MPT_SLOT)).to.deep.equal(m2p);
  });

  it("have slot 258 for themselves, and slot 260 for an L3 of the vCPU's own; the rest is the idle table's", () => {
    const guest = guestWith();
    const { vcpus, pcpus } = guest.xen;
    for (const vcpu of [0, 1]) {
      const root = vcpus.root[vcpu]!;
      expect(entry(guest, root, 258)[0]).to.equal(root);
      expect(entry(guest, root, 260)[0]).to.equal(pcpus.percpu_l3[vcpu]);
      expect(entry(guest, root, 261)).to.deep.equal(entry(guest, guest.frame("base_l4"), 261));
    }
    expect(pcpus.percpu_l3[0]).to.not.equal(pcpus.percpu_l3[1]);
  });
});

describe("Log-dirty mode, for the live migration of a PV guest", () => {
  it("is -EOPNOTSUPP with a root per vCPU", () => {
    const { xen } = guestWith();
    xen.log.enabled = true;
    expect(enable_log_dirty(xen)).to.equal(-95);
    expect(decisionLine(xen.log.decisions.at(-1)!)).to.equal(
      "paging_domctl: root vcpu-root: a PV domain with a root per vCPU has no shadow mode: " +
        "migrate it paused, or give it another root (-EOPNOTSUPP)",
    );
  });

  for (const root of ["shared", "xpti", "xpti-copy-always"]) {
    it(`is not refused with root ${root}`, () => {
      expect(enable_log_dirty(new TestGuest({ root }).xen)).to.equal(0);
    });
  }
});

describe("vcpuRootShowsItsL4 does not hold where", () => {
  const broken = (name: string, design: RootDesignClass, act: (guest: TestGuest) => void) => {
    registerRootDesign(name, design);
    const [right, wrong] = [guestWith(), guestWith(name)];
    act(right);
    act(wrong);
    expect(right.broken()).to.deep.equal([]);
    return wrong.broken();
  };

  it("slot 256 is not copied", () => {
    class WithoutRoMpt extends VcpuRoot {
      protected override update_shadow_l4(x: Xen, vcpu: number): void {
        copy_guest_slots(x, vcpu, x.vcpus.root[vcpu]!, x.vcpus.l4_window[vcpu]!, false);
      }
    }
    expect(broken("vcpu-root-without-256", WithoutRoMpt, () => undefined)).to.deep.equal([
      "vcpuRootShowsItsL4",
    ]);
  });

  it("the flush of another vCPU's edit copies nothing", () => {
    class WithoutFlush extends VcpuRoot {
      override flush_root_pgtbl(): void {}
    }
    const edit = (guest: TestGuest) => guest.set("base_l4", 7, "p4|0x67", 1);
    expect(broken("vcpu-root-without-flush", WithoutFlush, edit)).to.deep.equal(["vcpuRootShowsItsL4"]);
  });

  it("a switch of mode leaves the window where it is", () => {
    class WithoutWindow extends VcpuRoot {
      override toggle_guest_mode(x: Xen, vcpu: number): void {
        this.update_shadow_l4(x, vcpu);
      }
    }
    const toUser = (guest: TestGuest) => guest.xen.iret(0, true);
    expect(broken("vcpu-root-without-window", WithoutWindow, toUser)).to.deep.equal(["vcpuRootShowsItsL4"]);
  });
});
