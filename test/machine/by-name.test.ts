/** Paths whose steps the simulator runs by name leave what runPath() leaves, in each byte that Machine.equals() compares. */
import { expect } from "chai";
import { MMUEXT_PIN_L1_TABLE, MMUEXT_TLB_FLUSH_ALL, MMUEXT_TLB_FLUSH_LOCAL } from "../../abi/mmuext-op.js";
import { runPath } from "../../abi/path.js";
import { PFEC_user_mode, PFEC_write_access } from "../../abi/page.js";
import { randomOps } from "../../experiments/synthetic/ops.js";
import { runOp, start } from "../../experiments/synthetic/run-ops.js";
import { do_user_addr_fault, do_user_addr_fault_path } from "../../linux-mm-model/fault.js";
import type { Linux } from "../../linux-mm-model/linux.js";
import { NO_MM } from "../../linux-mm-model/mm-struct.js";
import { CB_set_current_cr3, xen_mc_callback } from "../../linux-mm-model/xen/multicalls.js";
import { context_switch, context_switch_path } from "../../linux-mm-model/sched.js";
import { Machine } from "../../machine/machine.js";
import { __HYPERVISOR_mmuext_op } from "../../abi/hypercalls.js";
import { do_mmuext_op, do_mmuext_op_path } from "../../xen-model/do-mmuext-op.js";
import type { Xen } from "../../xen-model/xen.js";
import { bootedMachine, PROPOSALS } from "./booted-machine.js";

const CPU = 0;

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
