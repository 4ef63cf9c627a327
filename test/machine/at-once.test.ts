/** PTEs that are set or cleared many at once come out as one by one, in each byte that Machine.equals() compares. */
import { expect } from "chai";
import { randomOps } from "../../experiments/synthetic/ops.js";
import { runOp, start } from "../../experiments/synthetic/run-ops.js";
import type { Vpn } from "../../abi/frames.js";
import type { Hypervisor } from "../../abi/hypervisor.js";
import { CLONE_FILES, CLONE_THREAD, CLONE_VM, copy_process } from "../../linux-mm-model/fork.js";
import { P4D_PAGES } from "../../linux-mm-model/pgtable.js";
import { context_switch } from "../../linux-mm-model/sched.js";
import * as sys from "../../linux-mm-model/syscalls.js";
import { NO_FILE, VM_READ, VM_WRITE } from "../../linux-mm-model/vma.js";
import { ACCESS_WRITE } from "../../xen-model/hw/control.js";
import { bootedMachine, PROPOSALS } from "./booted-machine.js";

const KINDS = ["exec", "exit", "fork", "mmap", "munmap", "mprotect", "switch", "idle", "touch", "ktouch"];

const WITHOUT_PCID = { pcid: false };
const CASES = [
  ...PROPOSALS.map((name) => ({ name, processor: {} })),
  { name: "xpti", processor: WITHOUT_PCID },
];

describe("PTEs set and cleared many at once", () => {
  for (const { name, processor } of CASES) {
    const where = processor === WITHOUT_PCID ? `${name} without PCID` : name;
    it(`leave what they leave one by one, under ${where}`, () => {
      const [machine, plain] = [bootedMachine(name, processor), bootedMachine(name, processor)];
      plain.linux.at_once = false;
      const made = listen(machine.linux.hv);
      const madePlainly = listen(plain.linux.hv);
      for (const m of [machine, plain]) start(m);
      for (let seed = 0; seed < 3; seed++) {
        randomOps(seed, 250, 2)
          .filter(({ op }) => KINDS.includes(op))
          .forEach((op, i) => {
            runOp(machine, op);
            runOp(plain, op);
            if (i % 16 === 0) expect(machine.equals(plain)).to.equal(true);
          });
        expect(machine.equals(plain)).to.equal(true);
      }
      expect(madePlainly.hook_new_table).to.equal(0);
      const pvh = name === "control-pvh";
      const pv64 = !pvh && name !== "control-pv32";
      expect(made.store_empty).to.satisfy((n: number) => (pvh ? n === 0 : n > 15));
      for (const calls of [made.update_l1es, made.flush_pages])
        expect(calls).to.satisfy((n: number) => (pvh ? n === 0 : n > 5));
      for (const form of [made.hook_new_table, made.fill_on_fault, made.fill_run_on_fault])
        expect(form).to.satisfy((n: number) => (pv64 ? n > 10 : n === 0));
      const toggles = pv64 && machine.xen.root.toggles_by_cr3 === true;
      expect(made.replace_on_fault).to.satisfy((n: number) => (toggles ? n > 0 : n === 0));
    });
  }
});

describe("a fault under xpti, in one piece", () => {
  it("leaves in the root what another vCPU has set in the L4 meanwhile", () => {
    const machine = bootedMachine("xpti");
    const { linux, xen, memory } = machine;
    start(machine);
    machine.syscall(0);
    const thread = copy_process(linux, 0, CLONE_VM | CLONE_FILES | CLONE_THREAD, 2, 1);
    const map = (cpu: number, start: number) =>
      sys.sys_mmap(linux, cpu, { start, pages: 8, flags: VM_READ | VM_WRITE, file: NO_FILE, pgoff: 0 });
    map(0, P4D_PAGES);
    machine.return_to_user(0);
    machine.touch(0, P4D_PAGES as Vpn, ACCESS_WRITE);
    context_switch(linux, 1, thread);
    map(1, 2 * P4D_PAGES);
    machine.return_to_user(1);
    machine.touch(1, (2 * P4D_PAGES) as Vpn, ACCESS_WRITE);
    const made = listen(linux.hv);
    machine.touch(0, (P4D_PAGES + 1) as Vpn, ACCESS_WRITE);
    expect(made.fill_on_fault).to.equal(1);
    const root = xen.pcpus.root_pgt[0]!;
    expect(memory.frame(root, 2))
      .to.equal(memory.frame(xen.vcpus.current_table(0), 2))
      .and.not.equal(0);
  });
});

describe("pages flushed many at once", () => {
  for (const [pages, stride] of [
    [1, 1],
    [5, 1],
    [33, 1],
    [1, 512],
    [1025, 512],
  ] as const) {
    it(`leave what they leave one by one: ${pages} pages, one of ${stride}`, () => {
      const machines = [true, false].map((at_once) => {
        const m = bootedMachine("shared");
        start(m);
        m.syscall(0);
        m.linux.at_once = at_once;
        m.ledger.clear();
        m.linux.pv.flush_tlb_mm_range(0, m.linux.percpu.loaded_mm[0]!, 0x1000, 0x1000 + pages, stride);
        return m;
      });
      expect(machines[0]!.equals(machines[1]!)).to.equal(true);
      expect(machines[0]!.ledger.total("invlpg_op")).to.equal(Math.ceil(pages / stride));
    });
  }
});

const FORMS = [
  "store_empty",
  "update_l1es",
  "hook_new_table",
  "flush_pages",
  "fill_on_fault",
  "fill_run_on_fault",
  "replace_on_fault",
] as const;

/** How often each was made, rather than left to be made one by one. */
function listen(hv: Hypervisor): Record<(typeof FORMS)[number], number> {
  const made = {
    store_empty: 0,
    update_l1es: 0,
    hook_new_table: 0,
    flush_pages: 0,
    fill_on_fault: 0,
    fill_run_on_fault: 0,
    replace_on_fault: 0,
  };
  for (const name of FORMS) {
    const method = hv[name] as ((...args: unknown[]) => boolean) | undefined;
    if (method === undefined) continue;
    hv[name] = (...args: unknown[]) => {
      const done = method.apply(hv, args);
      if (done) made[name]++;
      return done;
    };
  }
  return made;
}
