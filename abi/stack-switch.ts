/** HYPERVISOR_stack_switch(ss, esp): the kernel stack for the next entry from user mode. Once a context switch. */
import { __HYPERVISOR_stack_switch, type CallBuffer } from "./hypercalls.js";

/** Add the call; `sp0` names the stack (the task). Returns its row. */
export function push_stack_switch(calls: CallBuffer, sp0: number): number {
  const row = calls.push(__HYPERVISOR_stack_switch);
  calls.frame[row] = sp0;
  return row;
}
