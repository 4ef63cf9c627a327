/** Paths whose steps the simulator runs by name leave what runPath() leaves, in each byte that Machine.equals() compares. */
import { expect } from "chai";
import { MMUEXT_PIN_L1_TABLE, MMUEXT_TLB_FLUSH_ALL, MMUEXT_TLB_FLUSH_LOCAL } from "../../abi/mmuext-op.js";
import { runPath } from "../../abi/path.js";
import { PFEC_user_mode, PFEC_write_access } from "../../abi/page.js";
import { randomOps } from "../../experiments/synthetic/ops.js";
import { runOp, start } from "../../experiments/synthetic/run-ops.js";
import { do_user_addr_fault, do_user_addr_fault_path } from "../../linux-mm-model/fault.js";
import { copy_process } from "../../linux-mm-model/fork.js";
import type { Linux } from "../../linux-mm-model/linux.js";
import { NO_MM } from "../../linux-mm-model/mm-struct.js";
import { CB_set_current_cr3, xen_mc_callback } from "../../linux-mm-model/xen/multicalls.js";
import { context_switch, context_switch_path } from "../../linux-mm-model/sched.js";
import { Machine } from "../../machine/machine.js";
import { __HYPERVISOR_mmuext_op } from "../../abi/hypercalls.js";
import { do_mmuext_op, do_mmuext_op_path } from "../../xen-model/do-mmuext-op.js";
import { lost_all } from "../../xen-model/refill.js";
import type { Xen } from "../../xen-model/xen.js";
import { bootedMachine, PROPOSALS, PV_PROPOSALS } from "./booted-machine.js";

const CPU = 0;
/** Designs that copy the slots of a process to the L4 of the vCPU. */
const LOADS_NONE = ["linux-per-vcpu", "linux-per-vcpu-local-flush"];

describe("steps run by name", () => {
  for (const name of PROPOSALS) {
    it(`of switches, faults and mmuext_ops leave what runPath() does, under ${name}`, () => {
      const byName = bootedMachine(name);
      start(byName);
      for (const op of randomOps(1, 120, 2)) runOp(byName, op);
      const byPath = new Machine(byName.config, byName.snapshot());
      byPath.linux.at_once = false;
      let switches = 0;
      let faults = 0;
      for (let round = 0; round < 40; round++) {
        for (const task of waiting(byName.linux)) {
          const before = byName.linux.percpu.current[CPU]!;
          context_switch(byName.linux, CPU, task);
          byPath.linux.regs.next_task[CPU] = task;
          runPath(context_switch_path, byPath.linux, CPU);
          if (before !== byName.linux.percpu.current[CPU]) switches++;
          if (byName.linux.tasks.mm[task] === NO_MM) continue;
          const page = 512 * round + (round % 3);
          const error = PFEC_user_mode | (round % 2 === 0 ? PFEC_write_access : 0);
          const result = do_user_addr_fault(byName.linux, CPU, page, error);
          byPath.linux.fault.page[CPU] = page;
          byPath.linux.fault.error[CPU] = error;
          runPath(do_user_addr_fault_path, byPath.linux, CPU);
          expect(byPath.linux.fault.result[CPU]).to.equal(result);
          faults++;
        }
        if (round % 8 === 0) expect(byName.equals(byPath)).to.equal(true);
        for (const op of randomOps(100 + round, 3, 2)) for (const m of [byName, byPath]) runOp(m, op);
        mmuext_op(byName, false);
        mmuext_op(byPath, true);
      }
      expect(byName.equals(byPath)).to.equal(true);
      expect(switches).to.be.above(40);
      expect(faults).to.be.above(10);
    });
  }
});

describe("a context switch in one piece", () => {
  for (const name of [...PV_PROPOSALS, "shim"]) {
    it(`makes the load of another process's tables as it is asked for, and counts it in its batch, under ${name}`, () => {
      const made = LOADS_NONE.includes(name) ? 0 : 3;
      expect(loadsMade(name, () => undefined)).to.equal(made);
      // what waits for the next way into Xen is done by that of the RDMSR, which comes first
      const late = ({ xen }: Machine): void => {
        lost_all(xen, CPU);
        xen.pcpus.root_pgt_changed[CPU] = 1;
      };
      expect(loadsMade(name, late)).to.equal(made);
    });
  }

  it("leaves the load to the batch where that has another call, or ends in a lazy MMU mode", () => {
    expect(loadsMade("shared", ({ linux }, child) => (linux.tasks.tls[child] = 1))).to.equal(0);
    // ... so the switch back is made at once
    expect(loadsMade("shared", ({ linux }, child) => (linux.tasks.lazy_mmu[child] = 1))).to.equal(1);
  });

  it("runs the callbacks of calls that are made already", () => {
    const machine = bootedMachine("shared");
    start(machine);
    machine.syscall(CPU);
    const { linux } = machine;
    const task = waiting(linux)[0]!;
    expect(linux.tasks.mm[task]).to.equal(NO_MM); // so that no call is queued for another L4
    const l4 = linux.percpu.xen_current_cr3[CPU]!;
    xen_mc_callback(linux, CPU, CB_set_current_cr3, l4 + 1);
    expect(linux.pv.switch_to_at_once?.(CPU, task)).to.equal(true);
    expect(linux.percpu.xen_current_cr3[CPU]).to.equal(l4 + 1);
    expect(linux.mc[CPU]!.cbidx[0]).to.equal(0);
  });
});

/**
 * Loads that are not queued, of switches to a child, back, and to it again, which leave what runPath() leaves call by call.
 * `prepare` changes the machine first.
 */
function loadsMade(name: string, prepare: (machine: Machine, child: number) => void): number {
  const byName = bootedMachine(name);
  start(byName);
  byName.syscall(CPU);
  const parent = byName.linux.percpu.current[CPU]!;
  const child = copy_process(byName.linux, CPU, 0, 2, 1);
  prepare(byName, child);
  const byPath = new Machine(byName.config, byName.snapshot());
  const plain = new Machine(byName.config, byName.snapshot());
  plain.linux.at_once = false;
  const { hv } = byName.linux;
  const begin = hv.begin_switch_to!.bind(hv);
  let made = 0;
  hv.begin_switch_to = (...tables) => {
    const done = begin(...tables);
    if (done) made++;
    return done;
  };
  for (const next of [child, parent, child]) {
    context_switch(byName.linux, CPU, next);
    for (const { linux } of [byPath, plain]) {
      linux.regs.next_task[CPU] = next;
      runPath(context_switch_path, linux, CPU);
    }
    for (const machine of [byName, byPath]) expect(machine.equals(plain)).to.equal(true);
  }
  for (const { linux } of [byName, plain]) {
    linux.regs.next_task[CPU] = parent;
    runPath(context_switch_path, linux, CPU); // step by step, where others may run in between
  }
  expect(byName.equals(plain)).to.equal(true);
  return made;
}

/** Tasks that run nowhere, and have not ended; and the idle task. */
function waiting({ tasks, config }: Linux): number[] {
  const rows = Array.from({ length: config.maxTasks }, (_, row) => row).slice(config.nrCpus);
  return [
    ...rows.filter((row) => tasks.used[row] !== 0 && tasks.on_cpu[row]! < 0 && tasks.dead[row] === 0),
    CPU,
  ];
}

/** Two flushes, a pin that is refused, and one more flush that is not made for it. */
function mmuext_op({ xen, linux, config }: Machine, byPath: boolean): void {
  if (config.proposal.xen.container === "pvh") return;
  const { calls } = linux.mc[CPU]!;
  calls.reset();
  const row = calls.push(__HYPERVISOR_mmuext_op);
  const cmds = [MMUEXT_TLB_FLUSH_LOCAL, MMUEXT_TLB_FLUSH_ALL, MMUEXT_PIN_L1_TABLE, MMUEXT_TLB_FLUSH_LOCAL];
  cmds.forEach((cmd, i) => {
    calls.mx_cmd[i] = cmd;
    calls.mx_mfn[i] = 1;
    calls.mx_va[i] = calls.mx_arg[i] = 0;
  });
  calls.count[row] = cmds.length;
  if (byPath) plainly(xen, calls, row);
  else do_mmuext_op(xen, CPU, calls, row);
  expect(calls.done[row]).to.equal(2);
  calls.reset();
}

function plainly(xen: Xen, calls: Parameters<typeof do_mmuext_op>[2], row: number): void {
  xen.requests.calls[CPU] = calls;
  xen.requests.row[CPU] = row;
  runPath(do_mmuext_op_path, xen, CPU);
  xen.requests.end(CPU);
}
