/**
 * The calls of a context switch in one piece: RDMSR, what is queued, and then a segment base and a stack, of which Xen keeps nothing
 * that is modelled. In two where a load of tables is all that is queued: with that ends the first.
 *
 * The plain forms are Xen.emulate_privop(), hypercall() and multicall(). What is not plainly the same as those is left to them, with
 * nothing changed: then the answer is false. test/machine/by-name.test.ts holds the two equal (Machine.equals()).
 *
 * Mirrors: pv_emulate_privileged_op(), do_set_segment_base(), do_stack_switch().
 */
import type { CallBuffer } from "../abi/hypercalls.js";
import { Tally } from "../abi/ledger.js";
import { XEN_RULES } from "./audit-rules.js";
import { load_both, loads_plainly } from "./load-both-tables.js";
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
  const { vcpus } = x;
  if (x.rules !== XEN_RULES || x.mapcache !== undefined) return false;
  if (vcpus.blocked[vcpu] !== 0 || vcpus.kernel_mode[vcpu] === 0) return false;

  enter_and_leave(x, vcpu);
  if (queued !== undefined) {
    if (n === 1) x.hypercall(vcpu, queued, 0);
    else if (n > 1) x.multicall(vcpu, queued, n);
  }
  end_switch_to(x, vcpu);
  return true;
}

/** See Hypervisor.begin_switch_to(). What loads plainly is in kernel mode, under XEN_RULES, and needs no mapcache. */
export function begin_switch_to(x: Xen, vcpu: number, kernel: number, user: number): boolean {
  if (!loads_plainly(x, vcpu, kernel, user)) return false;
  enter_and_leave(x, vcpu);
  load_both(x, vcpu, kernel | 0, user | 0);
  return true;
}

/** The last two calls, and what all but the queued ones count. */
export function end_switch_to(x: Xen, vcpu: number): void {
  const { ledger } = x;
  const { times } = ledger;
  ledger.countAll(vcpu, CALLS);
  ledger.times = 2 * times;
  enter_and_leave(x, vcpu);
  ledger.times = times;
}

function enter_and_leave(x: Xen, vcpu: number): void {
  x.root.enter_from_guest(x, vcpu);
  exit_to_guest(x, vcpu);
}
