/** What begins on a vCPU where L4s come and go: fork, exec, exit, and the interrupt that asks a CPU to leave tables. */
import { NO_MM } from "../../linux-mm-model/mm-struct.js";
import { clearSwitch } from "./beginnings.js";
import type { PvState } from "./pv-state.js";
import { PATH_CALL, PATH_EXEC, PATH_EXIT, PATH_FORK, PATH_NONE } from "./registers.js";
import type { StepRunner } from "./step-runner.js";

export class LifeBeginnings {
  constructor(
    private readonly state: PvState,
    private readonly runner: StepRunner,
  ) {}

  fork(vcpu: number): boolean {
    return this.takesFork(vcpu) && this.systemCall(vcpu, PATH_FORK);
  }

  exec(vcpu: number): boolean {
    return this.takesFork(vcpu) && this.systemCall(vcpu, PATH_EXEC);
  }

  exit(vcpu: number): boolean {
    return this.runsThread(vcpu) && this.systemCall(vcpu, PATH_EXIT);
  }

  /** Take the interrupt, if one has been sent: the request is in the CPU's row of csd. */
  call(vcpu: number): boolean {
    const { regs, linux, xen } = this.state;
    if (regs.path[vcpu] !== PATH_NONE || regs.inXen[vcpu] !== 0 || linux.csd.fn[vcpu] === 0) return false;
    linux.percpu.in_user[vcpu] = 0;
    clearSwitch(linux, vcpu);
    linux.gather.mm[vcpu] = linux.gather.cleared[vcpu] = 0;
    xen.interrupt(vcpu);
    return this.runner.begin(vcpu, PATH_CALL);
  }

  /** There are as many rows for a new mm and a new thread as may be taken. */
  private takesFork(vcpu: number): boolean {
    const { forksLeft } = this.state.regs;
    if (forksLeft[0] === 0 || !this.runsThread(vcpu)) return false;
    forksLeft[0]!--;
    return true;
  }

  /** A thread runs on the vCPU, in user mode. */
  runsThread(vcpu: number): boolean {
    const { regs, linux } = this.state;
    const isFree = regs.path[vcpu] === PATH_NONE && regs.inXen[vcpu] === 0 && regs.access[vcpu] === 0;
    return isFree && linux.tasks.mm[linux.percpu.current[vcpu]!] !== NO_MM;
  }

  systemCall(vcpu: number, path: number): boolean {
    const { linux, xen } = this.state;
    linux.percpu.in_user[vcpu] = 0;
    xen.syscall(vcpu);
    clearSwitch(linux, vcpu);
    linux.gather.mm[vcpu] = linux.gather.cleared[vcpu] = 0;
    return this.runner.begin(vcpu, path);
  }
}
