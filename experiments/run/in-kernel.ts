/**
 * What a kernel has done by some event of a recording that no event tells of.
 *
 * Differs: it is done when it is first needed, not when it was, and by an entry that is made for it.
 */
import { CAUSE } from "../../abi/ledger.js";
import type { Machine } from "../../machine/machine.js";

/**
 * Do `work` in the kernel of `cpu`, where a program may run: it cannot make hypercalls. The ways in and out are under cause "boot",
 * which is not priced; and so is `work`, unless it holds another cause.
 */
export function in_kernel(machine: Machine, cpu: number, work: () => void): void {
  const { linux, ledger } = machine;
  const before = ledger.enter(cpu, CAUSE.boot);
  const program = linux.percpu.in_user[cpu] !== 0;
  ledger.hold(cpu, CAUSE.boot);
  machine.enter_kernel(cpu);
  work();
  ledger.hold(cpu, CAUSE.boot);
  if (program) machine.return_to_user(cpu);
  ledger.release(cpu);
  ledger.enter(cpu, before);
}
