/** The first write to anonymous memory, in one piece, where that is not plainly what the plain form does, or not all. */
import { expect } from "chai";
import type { Vpn } from "../../abi/frames.js";
import { start } from "../../experiments/synthetic/run-ops.js";
import { FIRST_WRITE } from "../../linux-mm-model/first-write.js";
import { CLONE_THREAD, CLONE_VM, copy_process } from "../../linux-mm-model/fork.js";
import { P4D_PAGES } from "../../linux-mm-model/pgtable.js";
import { context_switch } from "../../linux-mm-model/sched.js";
import { sys_mmap } from "../../linux-mm-model/syscalls.js";
import { NO_FILE, VM_READ, VM_WRITE } from "../../linux-mm-model/vma.js";
import type { Machine } from "../../machine/machine.js";
import { ACCESS_WRITE } from "../../xen-model/hw/control.js";
import { LOST_ALL } from "../../xen-model/refill.js";
import { bootedMachine, type PROPOSALS } from "./booted-machine.js";

/** First page of slot 9, which no image uses. */
const SLOT9 = (9 * P4D_PAGES) as Vpn;
const NEXT_PAGE = (SLOT9 + 1) as Vpn;

/** Two threads of one process in user mode, on two CPUs; the first has written to the first page of a mapping. */
function twoThreads(name: (typeof PROPOSALS)[number], atOnce: boolean): Machine {
  const machine = bootedMachine(name);
  const { linux } = machine;
  linux.at_once = atOnce;
  start(machine);
  machine.syscall(0);
  const thread = copy_process(linux, 0, CLONE_VM | CLONE_THREAD, 77, 1);
  sys_mmap(linux, 0, { start: SLOT9, pages: 4, flags: VM_READ | VM_WRITE, file: NO_FILE, pgoff: SLOT9 });
  machine.return_to_user(0);
  context_switch(linux, 1, thread);
  machine.touch(0, SLOT9, ACCESS_WRITE);
  machine.return_to_user(1);
  return machine;
}

/** What `work` leaves under both forms, which is the same in every byte; the fast one's machine. */
function both(name: (typeof PROPOSALS)[number], work: (machine: Machine) => void): Machine {
  const [machine, plain] = [twoThreads(name, true), twoThreads(name, false)];
  for (const m of [machine, plain]) {
    m.ledger.clear();
    work(m);
  }
  expect(machine.equals(plain)).to.equal(true);
  return machine;
}

describe("The first write to anonymous memory", () => {
  it("is a fault of its own behind the one that synchronises the slot of a pair", () => {
    for (const name of ["linux-per-thread", "linux-per-thread-unlazy"] as const) {
      const machine = both(name, (m) => m.fault(1, NEXT_PAGE, FIRST_WRITE));
      expect(machine.ledger.total("top_sync_fault")).to.equal(1);
      expect(machine.touch(1, NEXT_PAGE, ACCESS_WRITE)).to.equal(1);
    }
  });

  it("waits for who edits the slots of the mm, where replicas mirror them", () => {
    for (const name of ["linux-per-thread", "linux-per-mm-vcpu", "linux-per-vcpu"] as const) {
      const machine = twoThreads(name, true);
      const { linux } = machine;
      linux.mms.lock_page_table(linux.tasks.mm[linux.percpu.current[0]!]!, 1);
      expect(linux.page_fault_at_once(0, NEXT_PAGE, FIRST_WRITE)).to.equal(false);
    }
  });

  it("misses the translations that another CPU's flush has taken from the program", () => {
    const machine = both("shared", (m) => {
      m.xen.pcpus.lost[0] = LOST_ALL;
      m.touch(0, NEXT_PAGE, ACCESS_WRITE);
    });
    expect(machine.ledger.total("refill_user")).to.equal(1);
    expect(machine.ledger.total("refill_kernel")).to.equal(1);
  });

  it("is none while the guest's kernel runs", () => {
    const machine = twoThreads("shared", true);
    machine.syscall(0);
    expect(machine.linux.page_fault_at_once(0, NEXT_PAGE, FIRST_WRITE)).to.equal(false);
  });
});
