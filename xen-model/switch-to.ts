/**
 * The calls of a context switch in one piece: RDMSR, what is queued, and then a segment base and a stack, of which Xen keeps nothing
 * that is modelled.
 *
 * The plain forms are Xen.emulate_privop(), hypercall() and multicall(). What is not plainly the same as those is left to them, with
 * nothing changed: then the answer is false. test/machine/by-name.test.ts holds the two equal (Machine.equals()).
 *
 * Mirrors: pv_emulate_privileged_op(), do_set_segment_base(), do_stack_switch().
 */
import type { CallBuffer } from "../abi/hypercalls.js";
import { Tally } from "../abi/ledger.js";
import { XEN_RULES } from "./audit-rules.js";
import { exit_to_guest } from "./refill.js";
import type { Xen } from "./xen.js";

const CALLS = Tally.frequent({
  emulate_privop: 1,
  iretq: 1,
  set_segment_base: 1,
  stack_switch: 1,
  sysret: 2,
});

/** See Hypervisor.switch_to(). The last call finds nothing else than the one before, so Xen is entered and left once for both. */
export function switch_to(x: Xen, vcpu: number, queued: CallBuffer | undefined, n: number): boolean {
  const { vcpus, ledger, root } = x;
  if (x.rules !== XEN_RULES || x.mapcache !== undefined) return false;
  if (vcpus.blocked[vcpu] !== 0 || vcpus.kernel_mode[vcpu] === 0) return false;

  ledger.countAll(vcpu, CALLS);
  root.enter_from_guest(x, vcpu);
  exit_to_guest(x, vcpu);
  if (queued !== undefined) {
    if (n === 1) x.hypercall(vcpu, queued, 0);
    else if (n > 1) x.multicall(vcpu, queued, n);
  }
  const { times } = ledger;
  ledger.times = 2 * times;
  root.enter_from_guest(x, vcpu);
  exit_to_guest(x, vcpu);
  ledger.times = times;
  return true;
}
