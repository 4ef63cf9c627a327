import { expect } from "chai";
import type { EventName } from "../../abi/events.js";
import type { Vpn } from "../../abi/frames.js";
import { do_exit } from "../../linux-mm-model/exit.js";
import { CLONE_THREAD, CLONE_VM, copy_process } from "../../linux-mm-model/fork.js";
import { P4D_PAGES } from "../../linux-mm-model/pgtable.js";
import { context_switch, go_idle } from "../../linux-mm-model/sched.js";
import { sys_mmap, sys_munmap } from "../../linux-mm-model/syscalls.js";
import { NO_FILE, VM_READ, VM_WRITE } from "../../linux-mm-model/vma.js";
import type { Machine } from "../../machine/machine.js";
import { start } from "../../experiments/synthetic/run-ops.js";
import { ACCESS_READ, ACCESS_WRITE } from "../../xen-model/hw/control.js";
import { bootedMachine, type PROPOSALS } from "./booted-machine.js";

type Name = (typeof PROPOSALS)[number];

/** First page of slot 9, which no image uses. */
const SLOT9 = (9 * P4D_PAGES) as Vpn;

/** A machine without PCID whose first process runs in user mode on CPU 0. */
function machineUnder(name: Name): Machine {
  const machine = bootedMachine(name, { pcid: false });
  start(machine);
  return machine;
}

/** How much each of `events` counted during `work`, by all vCPUs. */
function counted(machine: Machine, events: readonly EventName[], work: () => void): number[] {
  const before = events.map((event) => machine.ledger.total(event));
  work();
  return events.map((event, i) => machine.ledger.total(event) - before[i]!);
}

function thread(machine: Machine, cpu = 0): number {
  return copy_process(
    machine.linux,
    cpu,
    CLONE_VM | CLONE_THREAD,
    77 + machine.ledger.total("top_pair_alloc"),
    1,
  );
}

function fork(machine: Machine, tid = 50): number {
  return copy_process(machine.linux, 0, 0, tid, tid);
}

function map_slot9(machine: Machine): void {
  sys_mmap(machine.linux, 0, { start: SLOT9, pages: 4, flags: VM_READ | VM_WRITE, file: NO_FILE, pgoff: 0 });
}

describe("CR3 writes and L4 copies of one event (facts/xen.md 10.2)", () => {
  const CR3 = ["cr3_write", "l4_copy"] as const;
  const rows: [
    event: string,
    work: (m: Machine) => () => void,
    plain: number,
    xpti: number,
    copies: number,
    asi: number,
  ][] = [
    [
      "a hypercall that leaves CR3 and L4 alone",
      (m) => {
        m.syscall(0);
        return () => m.linux.pv.flush_tlb_mm_range(0, 1, 5, 6);
      },
      0,
      2,
      0,
      0,
    ],
    [
      "a system call: user to kernel, and back by iret",
      (m) => () => {
        m.syscall(0);
        m.return_to_user(0);
      },
      2,
      6,
      2,
      2,
    ],
    [
      "a user page fault that is reflected, and the way back",
      (m) => () => m.xen.page_fault(0, 0 as Vpn, 4), // no VMA there: the kernel's handler makes no hypercall
      2,
      6,
      2,
      2,
    ],
    [
      "a kernel page fault that is reflected, and iret to the kernel",
      (m) => {
        m.syscall(0);
        return () => m.xen.page_fault(0, 0 as Vpn, 0);
      },
      0,
      4,
      0,
      0,
    ],
    [
      "NEW_BASEPTR and NEW_USER_BASEPTR in one hypercall",
      (m) => {
        m.syscall(0);
        fork(m);
        const { linux } = m;
        const child = linux.tasks.mm.findIndex((mm, row) => mm > 1 && linux.tasks.used[row] === 1);
        const mm = linux.tasks.mm[child]!;
        return () => linux.pv.write_cr3(0, mm, linux.mms.pgd[mm]!);
      },
      1,
      3,
      1,
      1,
    ],
  ];
  for (const [event, work, plain, xpti, copies, asi] of rows) {
    it(`${event}: ${plain} CR3 writes without XPTI, ${xpti} with it and ${copies} copies; ${asi} copies with a root per vCPU`, () => {
      const under = (name: Name): number[] => {
        const machine = machineUnder(name);
        return counted(machine, CR3, work(machine));
      };
      expect(under("shared")).to.deep.equal([plain, 0]);
      expect(under("xpti")).to.deep.equal([xpti, copies]);
      expect(under("xen-vcpu-root")[1]).to.equal(asi);
    });
  }

  it("an edit of an L4 that another vCPU uses: an interrupt, and a copy on each CPU at its next exit", () => {
    const both = (name: Name): number[] => {
      const machine = machineUnder(name);
      machine.syscall(0);
      const t = thread(machine);
      context_switch(machine.linux, 1, t);
      machine.return_to_user(1);
      machine.syscall(1); // both run on the kernel-mode L4
      map_slot9(machine);
      return counted(machine, ["ipi_sent", "l4_copy"], () => {
        machine.linux.pv.set_p4d(
          0,
          machine.linux.tasks.mm[t]!,
          9,
          machine.linux.image.level3_user_vsyscall[0]!,
          0x67,
        );
      });
    };
    expect(both("shared")).to.deep.equal([1, 0]);
    expect(both("xpti")).to.deep.equal([1, 2]);
    expect(both("xen-vcpu-root")).to.deep.equal([1, 2]);
  });
});

describe("what each design adds to one event of 6.1 (facts/linux.md 3.10)", () => {
  /** Hypercalls of all kinds, direct or in a multicall counted once; and requests. */
  const CALLS = ["mmu_update", "mmuext_op", "update_va_mapping", "multicall"] as const;
  const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
  const A = "linux-per-thread-unlazy";
  const B = "linux-per-mm-vcpu";
  const C = "linux-per-vcpu";

  it("a switch within a process: A one hypercall and a flush of all; B and C nothing", () => {
    const added = (name: Name) => {
      const machine = machineUnder(name);
      machine.syscall(0);
      const t = thread(machine);
      return counted(machine, ["mmuext_op", "new_baseptr", "tlb_flush"], () =>
        context_switch(machine.linux, 0, t),
      );
    };
    expect(added("shared")).to.deep.equal([0, 0, 0]);
    expect(added(A)).to.deep.equal([1, 1, 1]);
    expect(added(B)).to.deep.equal([0, 0, 0]);
    expect(added(C)).to.deep.equal([0, 0, 0]);
  });

  it("a switch to another process: C 2 requests for each of the d slots that differ, in the same flush; A, B nothing", () => {
    const added = (name: Name) => {
      const machine = machineUnder(name);
      machine.syscall(0);
      const child = fork(machine);
      const { linux } = machine;
      const differ = slotsThatDiffer(
        machine,
        linux.tasks.mm[linux.percpu.current[0]!]!,
        linux.tasks.mm[child]!,
      );
      const [items, slots, flushes] = counted(
        machine,
        ["mmu_update_items", "top_slots_synced", "mc_flush"],
        () => context_switch(linux, 0, child),
      );
      return { items: items! / differ, slots: slots! / differ, flushes };
    };
    expect(added("shared")).to.deep.equal({ items: 0, slots: 0, flushes: 2 });
    expect(added(A)).to.deep.equal({ items: 0, slots: 0, flushes: 2 });
    expect(added(B)).to.deep.equal({ items: 0, slots: 0, flushes: 2 });
    expect(added(C)).to.deep.equal({ items: 2, slots: 1, flushes: 2 });
  });

  it("an idle round trip: A 2 CR3 loads under the un-lazy rule; B and C none", () => {
    const added = (name: Name) => {
      const machine = machineUnder(name);
      const { linux } = machine;
      const task = linux.percpu.current[0]!;
      machine.syscall(0);
      return counted(machine, ["new_baseptr", "write_cr3_kernel"], () => {
        go_idle(linux, 0);
        machine.interrupt(0);
        context_switch(linux, 0, task);
      });
    };
    expect(added("shared")).to.deep.equal([0, 0]);
    expect(added(A)).to.deep.equal([2, 2]);
    expect(added(B)).to.deep.equal([0, 0]);
    expect(added(C)).to.deep.equal([0, 0]);
  });

  // beyond the derivation: as both pages become L4s, the other vCPU is flushed too, unless it was since they were data
  it("a new thread: A one multicall of four calls, two pages, two flushes on each vCPU; B and C nothing", () => {
    const added = (name: Name) => {
      const machine = machineUnder(name);
      machine.syscall(0);
      const pages = machine.linux.top.pairs();
      const [multicall, ops, maps, flushes] = counted(
        machine,
        ["multicall", "mc_mmuext_op", "mc_update_va_mapping", "tlb_flush"],
        () => thread(machine),
      );
      return [multicall, ops, maps, flushes, 2 * (machine.linux.top.pairs() - pages)];
    };
    expect(added("shared")).to.deep.equal([0, 0, 0, 0, 0]);
    expect(added(A)).to.deep.equal([1, 2, 2, 4, 2]);
    expect(added(B)).to.deep.equal([0, 0, 0, 0, 0]);
    expect(added(C)).to.deep.equal([0, 0, 0, 0, 0]);
  });

  it("a thread's exit: A leaves its pair, and unpins it in one multicall; B and C nothing", () => {
    const added = (name: Name) => {
      const machine = machineUnder(name);
      const { linux } = machine;
      machine.syscall(0);
      const first = linux.percpu.current[0]!;
      const t = thread(machine);
      context_switch(linux, 0, t);
      return counted(machine, ["top_pair_free", "multicall", "new_baseptr"], () => {
        do_exit(linux, 0);
        context_switch(linux, 0, first);
      });
    };
    expect(added("shared")).to.deep.equal([0, 0, 0]);
    expect(added(A)).to.deep.equal([1, 1, 2]); // off its pair, then onto the next thread's, as at any switch
    expect(added(B)).to.deep.equal([0, 0, 0]);
    expect(added(C)).to.deep.equal([0, 0, 0]);
  });

  /** n threads, of which two run: on both vCPUs. */
  const crowd = (name: Name, n: number): Machine => {
    const machine = machineUnder(name);
    machine.syscall(0);
    for (let i = 1; i < n; i++) {
      const t = thread(machine);
      if (i === 1) context_switch(machine.linux, 1, t);
    }
    map_slot9(machine);
    return machine;
  };
  const set = ({ linux }: Machine): void =>
    linux.pv.set_p4d(
      0,
      linux.tasks.mm[linux.percpu.current[0]!]!,
      9,
      linux.image.level3_user_vsyscall[0]!,
      0x67,
    );
  const clear = ({ linux }: Machine): void =>
    linux.pv.set_p4d(0, linux.tasks.mm[linux.percpu.current[0]!]!, 9, 0, 0);

  it("a populated slot, eagerly: 2 requests for each of A's n threads, B's v vCPUs, C's L vCPUs that have it loaded", () => {
    const added = (name: Name, n: number) => {
      const machine = crowd(name, n);
      const own = machine.linux.top.loadsReference ? 2 : 1; // a reference that nobody loads has no user-mode L4
      return counted(machine, ["mmu_update_items"], () => set(machine))[0]! - own;
    };
    expect(added("shared", 5)).to.equal(0);
    expect(added("linux-per-thread-eager", 5)).to.equal(2 * 5);
    expect(added(B, 5)).to.equal(2 * 2);
    expect(added(C, 5)).to.equal(2 * 2);
  });

  it("a populated slot, at faults: each thread that touches it later faults once, and writes 2 requests", () => {
    const machine = crowd("linux-per-thread", 2);
    machine.return_to_user(0);
    machine.touch(0, SLOT9, ACCESS_WRITE);
    machine.return_to_user(1);
    const synced = counted(machine, ["top_sync_fault", "mmu_update", "mmu_update_items", "iret"], () => {
      expect(machine.touch(1, SLOT9, ACCESS_READ)).to.equal(1);
      expect(machine.touch(1, SLOT9, ACCESS_READ)).to.equal(0);
    });
    expect(synced).to.deep.equal([1, 1, 2, 1]);
  });

  it("a cleared slot, always eagerly: 2 requests for each replica that has it, in the hypercall that clears the reference", () => {
    const added = (name: Name, n: number) => {
      const machine = crowd(name, n);
      set(machine);
      const own = machine.linux.top.loadsReference ? 2 : 1;
      const [items, calls] = counted(machine, ["mmu_update_items", "mmu_update"], () => clear(machine));
      return [items! - own, calls];
    };
    expect(added("shared", 5)).to.deep.equal([0, 1]);
    expect(added("linux-per-thread-eager", 5)).to.deep.equal([2 * 5, 1]);
    expect(added(B, 5)).to.deep.equal([2 * 2, 1]);
    expect(added(C, 5)).to.deep.equal([2 * 2, 1]);
  });

  it("fork: A pins one replica pair, B one for each vCPU that is online, C none", () => {
    const added = (name: Name) => {
      const machine = machineUnder(name);
      machine.syscall(0);
      return counted(machine, ["top_pair_alloc"], () => fork(machine))[0];
    };
    expect(["shared", A, B, C].map((name) => added(name as Name))).to.deep.equal([0, 1, 2, 0]);
  });

  it("exit of a process of n threads: A unpins n pairs, B v, C clears the user half of the vCPUs that have it", () => {
    const added = (name: Name) => {
      const machine = machineUnder(name);
      const { linux } = machine;
      machine.syscall(0);
      const child = fork(machine);
      context_switch(linux, 0, child);
      const slots = slotsThatDiffer(machine, linux.tasks.mm[child]!, 0);
      const [pairs, synced] = counted(machine, ["top_pair_free", "top_slots_synced"], () =>
        do_exit(linux, 0),
      );
      return [pairs, synced! / slots];
    };
    expect(added("shared")).to.deep.equal([0, 0]);
    expect(added(A)).to.deep.equal([1, 0]);
    expect(added(B)).to.deep.equal([2, 0]);
    expect(added(C)).to.deep.equal([0, 1]);
  });

  it("memory: A a pair for each thread, B for each (mm, vCPU), C for each vCPU of the guest", () => {
    const pairs = (name: Name): number => crowd(name, 5).linux.top.pairs();
    expect(["shared", A, B, C].map((name) => pairs(name as Name))).to.deep.equal([0, 5, 2, 2]);
  });

  it("a munmap of a whole slot costs no design a hypercall of its own: its requests join 6.1's", () => {
    const calls = (name: Name): number => {
      const machine = crowd(name, 3);
      machine.return_to_user(0);
      machine.touch(0, SLOT9, ACCESS_WRITE);
      machine.syscall(0);
      return sum(counted(machine, CALLS, () => void sys_munmap(machine.linux, 0, SLOT9, 4)));
    };
    const today = calls("shared");
    for (const name of ["linux-per-thread-eager", B, C] as const) expect(calls(name), name).to.equal(today);
  });
});

/** User slots in which the references of two mms differ. */
function slotsThatDiffer({ linux, memory }: Machine, a: number, b: number): number {
  let differ = 0;
  for (let slot = 0; slot < 256; slot++) {
    const [at, bt] = [a, b].map((mm) => memory.frame(linux.mms.pgd[mm]!, slot));
    if (at !== bt) differ++;
  }
  return differ;
}
