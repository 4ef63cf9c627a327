/** What a guest runs in, and who has which L4 in %cr3 then (facts/xen.md 4.4, 6, 7, 9). */
import { expect } from "chai";
import { EVTCHNOP_send, push_event_channel_op } from "../../abi/event-channel-op.js";
import type { EventName } from "../../abi/events.js";
import type { Vpn } from "../../abi/frames.js";
import { is_guest_l4_slot } from "../../abi/layout.js";
import { _PAGE_PRESENT } from "../../abi/page.js";
import { defineProposal } from "../../abi/proposal.js";
import { driveGenerated } from "../../experiments/synthetic/drive.js";
import { start } from "../../experiments/synthetic/run-ops.js";
import { CLONE_THREAD, CLONE_VM, copy_process } from "../../linux-mm-model/fork.js";
import { P4D_PAGES } from "../../linux-mm-model/pgtable.js";
import { context_switch, go_idle } from "../../linux-mm-model/sched.js";
import { sys_mmap } from "../../linux-mm-model/syscalls.js";
import { NO_FILE, VM_READ, VM_WRITE } from "../../linux-mm-model/vma.js";
import { bootedMachine as booted } from "../../machine/fixtures.js";
import { onePcpuPerL4InGuest, onePcpuPerL4InXen } from "../../machine/invariants.js";
import { checkDesigns } from "../../machine/known-designs.js";
import type { Machine } from "../../machine/machine.js";
import { ACCESS_WRITE } from "../../xen-model/hw/control.js";
import { bootedMachine, proposal, PROPOSALS } from "./booted-machine.js";

/** A machine on which the first process runs in user mode on CPU 0. */
function started(name: string): Machine {
  const machine = bootedMachine(name);
  start(machine);
  return machine;
}

/** ... and a thread of it on CPU 1. */
function withThreads(name: string): Machine {
  const machine = started(name);
  machine.syscall(0);
  const row = copy_process(machine.linux, 0, CLONE_VM | CLONE_THREAD, 2, 1);
  machine.enter_scheduler(1);
  context_switch(machine.linux, 1, row);
  machine.return_to_user(1);
  machine.return_to_user(0);
  return machine;
}

/** How much each event counted while `work` was done. */
function counted<N extends EventName>(m: Machine, names: readonly N[], work: () => void): Record<N, number> {
  const before = names.map((name) => m.ledger.total(name));
  work();
  return Object.fromEntries(names.map((name, i) => [name, m.ledger.total(name) - before[i]!])) as Record<
    N,
    number
  >;
}

const EXITS = ["vm_exit_hypercall", "vm_exit_msr", "vm_exit_interrupt", "vm_exit_hlt"] as const;
const NO_EXIT = { vm_exit_hypercall: 0, vm_exit_msr: 0, vm_exit_interrupt: 0, vm_exit_hlt: 0 };

/** First page of slot 9, which no image uses; mapped, not touched. */
function map_slot9(m: Machine): Vpn {
  const page = (9 * P4D_PAGES) as Vpn;
  sys_mmap(m.linux, 0, { start: page, pages: 8, flags: VM_READ | VM_WRITE, file: NO_FILE, pgoff: 0 });
  return page;
}

describe("a PVH guest (facts/xen.md 7)", () => {
  it("has a monitor table of Xen's for each vCPU, with nothing of the guest in it", () => {
    const m = withThreads("control-pvh");
    expect(m.xen_cr3(0)).to.not.equal(m.xen_cr3(1));
    for (const cpu of [0, 1]) {
      for (let slot = 0; slot < 512; slot++)
        if (is_guest_l4_slot(slot)) expect(m.memory.flags(m.xen_cr3(cpu), slot) & _PAGE_PRESENT).to.equal(0);
    }
  });

  it("has one CR3 of its own on two vCPUs that run threads of one process, and Xen none of it", () => {
    const m = withThreads("control-pvh");
    expect(m.inner_guest_cr3(0)).to.equal(m.inner_guest_cr3(1));
    expect([m.xen_cr3(0), m.xen_cr3(1)]).to.not.include(m.inner_guest_cr3(0));
    expect(onePcpuPerL4InXen.broken(m)).to.equal("");
  });

  it("loads CR3 without an exit, and HOST_CR3 stays", () => {
    const m = started("control-pvh");
    m.syscall(0);
    const child = copy_process(m.linux, 0, 0, 2, 2);
    const host = m.xen_cr3(0);
    const own = m.inner_guest_cr3(0);
    const n = counted(m, [...EXITS, "guest_cr3_write", "refill_user_nested"], () => {
      context_switch(m.linux, 0, child);
      m.return_to_user(0);
    });
    expect(n).to.deep.equal({ ...NO_EXIT, guest_cr3_write: 1, refill_user_nested: 1 });
    expect(m.xen_cr3(0)).to.equal(host);
    expect(m.inner_guest_cr3(0)).to.not.equal(own);
  });

  it("takes system calls and page faults itself, and writes its tables without Xen", () => {
    const m = started("control-pvh");
    m.syscall(0);
    const page = map_slot9(m);
    m.return_to_user(0);
    const n = counted(m, [...EXITS, "guest_exception", "guest_syscall", "mmu_update", "set_p4d"], () => {
      expect(m.touch(0, page, ACCESS_WRITE)).to.equal(1);
      m.syscall(0);
    });
    expect(n).to.deep.equal({ ...NO_EXIT, guest_exception: 1, guest_syscall: 1, mmu_update: 0, set_p4d: 1 });
  });

  it("flushes another vCPU by an event channel: an exit here, an exit there; a lazy one is left alone", () => {
    const m = withThreads("control-pvh");
    const flush = () => m.linux.pv.flush_tlb_mm_range(0, m.linux.percpu.loaded_mm[0]!, 5, 6);
    m.syscall(0);
    expect(counted(m, [...EXITS, "invlpg"], flush)).to.deep.equal({
      ...NO_EXIT,
      vm_exit_hypercall: 1,
      vm_exit_interrupt: 1,
      invlpg: 2,
    });
    m.enter_scheduler(1);
    go_idle(m.linux, 1);
    expect(counted(m, [...EXITS], flush)).to.deep.equal(NO_EXIT);
  });

  it("exits for interrupts and for HLT, and an idle pCPU keeps its vCPU's monitor table", () => {
    const m = started("control-pvh");
    expect(counted(m, EXITS, () => m.interrupt(0))).to.deep.equal({ ...NO_EXIT, vm_exit_interrupt: 1 });
    m.enter_scheduler(0);
    const host = m.xen_cr3(0);
    expect(counted(m, EXITS, () => go_idle(m.linux, 0))).to.deep.equal({ ...NO_EXIT, vm_exit_hlt: 1 });
    expect(m.xen_cr3(0)).to.equal(host);
  });
});

describe("an old guest in xen-shim (facts/xen.md 9)", () => {
  it("shares L4s within the shim, and none with the Xen below", () => {
    const m = withThreads("shim");
    m.syscall(0);
    m.syscall(1);
    expect(m.inner_xen_cr3(0)).to.equal(m.inner_xen_cr3(1));
    expect(onePcpuPerL4InXen.broken(m)).to.equal("");
    expect(m.host.frames.nrFrames).to.be.at.most(m.linux.config.firstFrame); // L0 owns no frame of the guest's
    for (const cpu of [0, 1]) expect(m.xen_cr3(cpu)).to.not.equal(m.inner_xen_cr3(cpu));
  });

  it("is isolated from the shim by the shim's own XPTI only: with root shared it runs on its own L4 there", () => {
    const isolated = withThreads("shim");
    expect(isolated.inner_guest_cr3(0)).to.not.equal(isolated.inner_guest_cr3(1));
    const open = { ...proposal("shim"), xen: { ...proposal("shim").xen, root: "shared" } };
    const m = booted(open);
    start(m);
    expect(m.inner_guest_cr3(0)).to.equal(m.inner_xen_cr3(0));
    const found = driveGenerated(open, [onePcpuPerL4InGuest, onePcpuPerL4InXen], {
      lists: 5,
      ops: 60,
      nrCpus: 3,
    });
    expect(found).to.equal(undefined);
  });

  it("makes system calls without an exit, at the price of a PV guest under the shim's root", () => {
    const m = started("shim");
    const bare = started("xpti");
    const names = [...EXITS, "cr3_write", "l4_copy"] as const;
    const call = (x: Machine) => (): void => {
      x.syscall(0);
      x.return_to_user(0);
    };
    const n = counted(m, names, call(m));
    expect(n).to.deep.equal({ ...NO_EXIT, cr3_write: 6, l4_copy: 2 });
    expect(counted(bare, names, call(bare))).to.deep.equal(n);
  });

  it("has one page flushed on two vCPUs by the Xen below, which flushes all of all vCPUs", () => {
    const m = withThreads("shim");
    m.syscall(0);
    const n = counted(m, [...EXITS, "shim_flush_assist", "tlb_flush", "ipi_sent"], () => {
      m.linux.pv.flush_tlb_mm_range(0, m.linux.percpu.loaded_mm[0]!, 5, 6);
    });
    expect(n).to.include({ shim_flush_assist: 1, vm_exit_hypercall: 1, vm_exit_interrupt: 1, ipi_sent: 0 });
    const bare = withThreads("xpti");
    bare.syscall(0);
    const direct = counted(bare, ["ipi_sent", "tlb_flush"], () => {
      bare.linux.pv.flush_tlb_mm_range(0, bare.linux.percpu.loaded_mm[0]!, 5, 6);
    });
    expect(direct).to.include({ ipi_sent: 1 });
    expect(n.tlb_flush - direct.tlb_flush).to.equal(1); // of the other vCPU, which had one page to lose
  });

  it("sends interrupts itself where XPTI's roots are stale too: an exit for the x2APIC, and one there", () => {
    const m = withThreads("shim");
    m.syscall(0);
    const page = map_slot9(m);
    m.return_to_user(0);
    const n = counted(m, ["vm_exit_msr", "ipi_sent"], () => void m.touch(0, page, ACCESS_WRITE));
    expect(n).to.deep.equal({ vm_exit_msr: 1, ipi_sent: 1 }); // the L4 edit; edits of L3 and L2 are assisted
  });

  it("forwards what it raises on event channels, and takes its own interrupts through the Xen below", () => {
    const m = withThreads("shim");
    const { direct } = m.linux.mc[0]!;
    m.syscall(0);
    direct.reset();
    push_event_channel_op(direct, EVTCHNOP_send, 1);
    const send = (): void => void m.linux.hv.hypercall(0, direct, 0);
    expect(counted(m, EXITS, send)).to.include({ vm_exit_hypercall: 1, vm_exit_interrupt: 1 });
    expect(counted(m, EXITS, () => m.interrupt(1))).to.deep.equal({ ...NO_EXIT, vm_exit_interrupt: 1 });
  });

  it("flushes whenever a frame becomes a table, as a shim has no TLB clock to spare it", () => {
    const PROMOTED = ["promote_l1", "promote_l2", "promote_l3", "promote_l4"] as const;
    const fork = (name: string): { here: number; tables: number } => {
      const m = withThreads(name);
      m.syscall(0);
      const before = m.ledger.collect(0).tlb_flush!;
      const n = counted(m, PROMOTED, () => void copy_process(m.linux, 0, 0, 9, 9));
      const tables = PROMOTED.reduce((sum, level) => sum + n[level], 0);
      return { here: m.ledger.collect(0).tlb_flush! - before, tables };
    };
    const [shim, bare] = [fork("shim"), fork("xpti")];
    expect(shim.tables).to.equal(bare.tables);
    expect(shim.here).to.be.at.least(shim.tables);
    expect(bare.here).to.be.below(bare.tables); // one flush serves all frames whose last use was before it
  });
});

describe("Xen's own users of one L4 (facts/xen.md 4.4)", () => {
  it("are idle vCPUs: two pCPUs that never ran a vCPU have idle_pg_table, which maps nothing of a guest", () => {
    const m = started("control-idle");
    expect(m.nrPcpus).to.equal(4);
    expect(m.xen_cr3(2)).to.equal(m.xen_cr3(3)).and.to.equal(m.host.tables.idle_table());
    expect(onePcpuPerL4InXen.broken(m)).to.match(/pCPU 2 and pCPU 3/);
    expect(onePcpuPerL4InGuest.broken(m)).to.equal("");
    for (let slot = 0; slot < 512; slot++)
      if (is_guest_l4_slot(slot)) expect(m.memory.flags(m.xen_cr3(2), slot)).to.equal(0);
  });

  it("are none, once all but the first have a table of their own", () => {
    const { xen, ...rest } = proposal("control-idle");
    const m = booted({ ...rest, xen: { ...xen, idle: { pcpus: 3, table: "per-pcpu", efi: false } } });
    expect(new Set([0, 1, 2, 3, 4].map((pcpu) => m.xen_cr3(pcpu))).size).to.equal(5);
    expect(onePcpuPerL4InXen.broken(m)).to.equal("");
  });

  it("is the L4 of EFI runtime calls, in turn: efi_rs_lock keeps a second pCPU off it", () => {
    const m = withThreads("control-idle");
    const before = [m.xen_cr3(0), m.xen_cr3(1)];
    let during = 0;
    let second: boolean | undefined;
    const called = m.efi_runtime_call(0, () => {
      during = m.xen_cr3(0);
      second = m.efi_runtime_call(1, () => expect.fail("two pCPUs in the firmware"));
      expect(m.xen_cr3(1)).to.equal(before[1]);
    });
    expect([called, second]).to.deep.equal([true, false]);
    expect([...before, m.xen_cr3(2)]).to.not.include(during);
    expect([m.xen_cr3(0), m.xen_cr3(1)]).to.deep.equal(before);
    let again = 0;
    expect(m.efi_runtime_call(1, () => (again = m.xen_cr3(1)))).to.equal(true);
    expect(again).to.equal(during);
  });
});

describe("a 32-bit PV guest (facts/xen.md 6)", () => {
  it("runs on an L4 of Xen's for each vCPU, whose slot 0 alone is rewritten when it loads an L3", () => {
    const m = started("control-pv32");
    m.syscall(0);
    const child = copy_process(m.linux, 0, 0, 2, 2);
    const l4 = m.xen_cr3(0);
    const slots = () => Array.from({ length: 511 }, (_, i) => m.memory.frame(l4, i + 1));
    const before = slots();
    const l3 = m.inner_guest_cr3(0);
    const n = counted(m, ["new_baseptr", "l4e_changed", "cr3_write"], () =>
      context_switch(m.linux, 0, child),
    );
    expect(n).to.deep.equal({ new_baseptr: 1, l4e_changed: 1, cr3_write: 1 });
    expect(m.xen_cr3(0)).to.equal(l4);
    expect(m.inner_guest_cr3(0)).to.not.equal(l3);
    expect(slots()).to.deep.equal(before);
  });

  it("has one L3 on two vCPUs that run threads of one process, below an L4 each", () => {
    const m = withThreads("control-pv32");
    expect(m.inner_guest_cr3(0)).to.equal(m.inner_guest_cr3(1));
    expect(m.xen_cr3(0)).to.not.equal(m.xen_cr3(1));
    expect(m.ledger.total("hypercall_failed")).to.equal(0);
  });

  it("enters its kernel and leaves it without a CR3 write, and returns to user mode without Xen", () => {
    const m = started("control-pv32");
    const n = counted(m, ["cr3_write", "syscall_entry", "iret", "toggle_guest_mode"], () => {
      m.syscall(0);
      m.return_to_user(0);
    });
    expect(n).to.deep.equal({ cr3_write: 0, syscall_entry: 1, iret: 0, toggle_guest_mode: 0 });
  });

  it("needs an L2 of its own for slot 3 in each process: Xen refuses the pin of an L3 that takes another's", () => {
    const m = started("control-pv32");
    const pae = m.linux.pae!;
    const { alloc } = pae;
    pae.alloc = (k, mm) => {
      alloc.call(pae, k, mm);
      k.memory.set(pae.l3[mm]!, 3, pae.l2[3]!, _PAGE_PRESENT); // SHARED_KERNEL_PMD
    };
    m.syscall(0);
    copy_process(m.linux, 0, 0, 2, 2);
    expect(m.ledger.total("hypercall_failed")).to.be.above(0);
  });
});

describe("a system call of a program", () => {
  for (const name of PROPOSALS) {
    it(`is one SYSCALL of its vCPU, whatever takes it, under ${name}`, () => {
      for (const pcid of [true, false]) {
        const m = bootedMachine(name, { pcid });
        start(m);
        m.ledger.clear();
        for (const call of ["syscall", "next_syscall", "next_syscall"] as const) m[call](0);
        expect(m.ledger.collectByCause().syscall?.syscall).to.equal(3);
        expect(m.ledger.total("syscall")).to.equal(3);
      }
    });
  }
});

describe("a proposal's container and root", () => {
  for (const [container, root] of [
    ["pvh", "shared"],
    ["pv", "monitor"],
    ["shim", "monitor"],
  ] as const) {
    it(`do not go together as ${container} and ${root}`, () => {
      const idea = defineProposal({
        name: "m",
        title: "t",
        question: "q",
        linux: { top: "shared-pgd" },
        xen: { container, root },
      });
      expect(() => checkDesigns(idea, "m.yaml")).to.throw(
        /^m.yaml: xen.root: root .* does not go with container/,
      );
    });
  }
});
