/**
 * The multicall buffer: hypercalls queued on each CPU, and issued in one entry to Xen.
 *
 * A path begins a batch, queues calls, and issues them; in a lazy mode the issue does nothing, and the calls
 * wait for the end of the mode or for a full buffer. Requests for the hypercall queued last join it. What
 * has to happen after the hypercall (unlock a table, note the CR3 that is loaded) is a callback.
 *
 * Mirrors: arch/x86/xen/multicalls.c and multicalls.h; the xen_mc_* trace points, which define the counters.
 * Differs: a callback is a number and one argument, so that it lies in the state. A failed call is counted
 *          in `failed` where Linux warns. No IRQs come in between, so none are disabled.
 */
import { EV } from "../../abi/events.js";
import { Tally } from "../../abi/ledger.js";
import {
  __HYPERVISOR_mmu_update,
  __HYPERVISOR_mmuext_op,
  __HYPERVISOR_set_segment_base,
  __HYPERVISOR_stack_switch,
  __HYPERVISOR_update_descriptor,
  __HYPERVISOR_update_va_mapping,
  CallBuffer,
  CALL_COUNTS,
} from "../../abi/hypercalls.js";
import {
  add_mmu_update,
  MMU_NORMAL_PT_UPDATE,
  MMU_UPDATE_BYTES,
  push_mmu_update,
} from "../../abi/mmu-update.js";
import { add_mmuext_op, MMUEXT_OP_BYTES, push_mmuext_op } from "../../abi/mmuext-op.js";
import { push_stack_switch } from "../../abi/stack-switch.js";
import { HYPERCALL_STEPPED } from "../../abi/hypervisor.js";
import type { State } from "../../abi/state.js";
import { push_update_descriptor } from "../../abi/update-descriptor.js";
import { push_update_va_mapping } from "../../abi/update-va-mapping.js";
import { linear_page, type Vpn } from "../../abi/frames.js";
import type { Linux } from "../linux.js";
import { PARAVIRT_LAZY_CPU, PARAVIRT_LAZY_MMU } from "../percpu.js";

/** Calls of a buffer; its callbacks. */
export const MC_BATCH = 32;
/** Bytes of arguments of a buffer. */
export const MC_ARGS = MC_BATCH * 16;

/** Callback xen_pte_unlock(): the L1 table `data` is pinned, or writable, and may be used again. */
export const CB_xen_pte_unlock = 1;
/** Callback set_current_cr3(): the L4 `data` is loaded. */
export const CB_set_current_cr3 = 2;

/**
 * How full the buffers of all CPUs are, and their callbacks, side by side: a context switch looks at its CPU's, and most often that
 * is all.
 *
 * Shape: used     Uint32Array  [cpu][0..2] CallBuffer.used of the queued calls
 *        made     Uint8Array   [cpu] 1: the only call of the batch is made already (base-pointers.ts)
 *        argidx   Uint32Array  [cpu] bytes of arguments in use
 *        cbidx    Uint32Array  [cpu] callbacks in use
 *        cb_fn    Uint8Array   [cpu][MC_BATCH] CB_*
 *        cb_data  Uint32Array  [cpu][MC_BATCH] its argument
 */
export class McLevels {
  readonly used: Uint32Array;
  readonly made: Uint8Array;
  readonly argidx: Uint32Array;
  readonly cbidx: Uint32Array;
  readonly cb_fn: Uint8Array;
  readonly cb_data: Uint32Array;

  constructor(state: State, nrCpus: number) {
    this.used = state.u32(nrCpus * CALL_COUNTS);
    this.made = state.u8(nrCpus);
    this.argidx = state.u32(nrCpus);
    this.cbidx = state.u32(nrCpus);
    this.cb_fn = state.u8(nrCpus * MC_BATCH);
    this.cb_data = state.u32(nrCpus * MC_BATCH);
  }

  /** Calls that are queued on `cpu`. */
  queued(cpu: number): number {
    return this.used[cpu * CALL_COUNTS]!;
  }
}

/**
 * One CPU's buffer; what is named as in McLevels is the CPU's part of that.
 *
 * Shape: calls    CallBuffer   the queued calls, in order
 *        direct   CallBuffer   the one call that is made past the buffer
 *        argidx   Uint32Array  [0]
 *        cbidx    Uint32Array  [0]
 *        cb_fn    Uint8Array   [MC_BATCH]
 *        cb_data  Uint32Array  [MC_BATCH]
 *        failed   Uint32Array  [0] calls that returned an error since boot
 */
export class McBuffer {
  readonly calls: CallBuffer;
  readonly direct: CallBuffer;
  readonly argidx: Uint32Array;
  readonly cbidx: Uint32Array;
  readonly cb_fn: Uint8Array;
  readonly cb_data: Uint32Array;
  readonly failed: Uint32Array;

  constructor(state: State, nrCpus: number, levels: McLevels, cpu: number) {
    const capacity = { calls: MC_BATCH, mmuUpdates: MC_BATCH, mmuextOps: MC_BATCH, nrVcpus: nrCpus };
    this.calls = new CallBuffer(
      state,
      capacity,
      levels.used.subarray(cpu * CALL_COUNTS, (cpu + 1) * CALL_COUNTS),
    );
    this.direct = new CallBuffer(state, { calls: 1, mmuUpdates: 1, mmuextOps: 1, nrVcpus: nrCpus });
    this.argidx = levels.argidx.subarray(cpu, cpu + 1);
    this.cbidx = levels.cbidx.subarray(cpu, cpu + 1);
    this.cb_fn = levels.cb_fn.subarray(cpu * MC_BATCH, (cpu + 1) * MC_BATCH);
    this.cb_data = levels.cb_data.subarray(cpu * MC_BATCH, (cpu + 1) * MC_BATCH);
    this.failed = state.u32(1);
  }

  /** Nothing is left of calls that were made: for who compares machines byte by byte. */
  settle(): void {
    this.direct.reset();
    for (const calls of [this.calls, this.direct]) calls.clearUnused();
  }
}

/** Begin a batch; paired with xen_mc_issue(). */
export function xen_mc_batch(k: Linux, cpu: number): void {
  const mode = k.percpu.lazy_mode[cpu];
  const event =
    mode === PARAVIRT_LAZY_MMU
      ? EV.mc_batch_mmu
      : mode === PARAVIRT_LAZY_CPU
        ? EV.mc_batch_cpu
        : EV.mc_batch_none;
  k.ledger.count(cpu, event, 1);
}

/** End a batch: flush, unless the CPU is in lazy mode `mode` (0: flush in any mode). */
export function xen_mc_issue(k: Linux, cpu: number, mode: number): void {
  const event =
    mode === PARAVIRT_LAZY_MMU
      ? EV.mc_issue_mmu
      : mode === PARAVIRT_LAZY_CPU
        ? EV.mc_issue_cpu
        : EV.mc_issue_none;
  k.ledger.count(cpu, event, 1);
  if ((k.percpu.lazy_mode[cpu]! & mode) === 0) xen_mc_flush(k, cpu);
}

/** Issue all queued calls, then run the callbacks. One call alone is made directly. */
export function xen_mc_flush(k: Linux, cpu: number): void {
  const { calls } = k.mc[cpu]!;
  const mcidx = calls.used[0]!;
  if (mcidx === 0) k.ledger.count(cpu, EV.mc_flush_empty, 1);
  else {
    k.ledger.count(cpu, EV.mc_flush, 1);
    k.hist.mc_flush[mcidx]!++;
    const rc = mcidx === 1 ? k.hv.hypercall(cpu, calls, 0) : k.hv.multicall(cpu, calls, mcidx);
    if (rc === HYPERCALL_STEPPED) return; // xen_mc_done() comes behind the calls
  }
  xen_mc_done(k, cpu);
}

/** The queued calls have been made: look at their results, and run the callbacks. The second half of xen_mc_flush(). */
export function xen_mc_done(k: Linux, cpu: number): void {
  const mc = k.mc[cpu]!;
  const { calls } = mc;
  const mcidx = calls.used[0]!;
  for (let row = 0; row < mcidx; row++) if (calls.rc[row]! < 0) mc.failed[0]!++;
  calls.reset();
  k.mcLevels.argidx[cpu] = 0;
  run_callbacks(k, cpu);
}

function run_callbacks(k: Linux, cpu: number): void {
  const { cbidx, cb_fn, cb_data } = k.mcLevels;
  const first = cpu * MC_BATCH;
  for (let i = 0; i < cbidx[cpu]!; i++) {
    if (cb_fn[first + i] !== CB_set_current_cr3) continue;
    k.percpu.xen_current_cr3[cpu] = cb_data[first + i]!;
    k.top.issued(k, cpu);
  }
  cbidx[cpu] = 0;
}

/** Make room for one more call with `args` bytes of arguments; a full buffer is flushed. */
export function __xen_mc_entry(k: Linux, cpu: number, args: number): void {
  const mc = k.mc[cpu]!;
  const argidx = roundup8(mc.argidx[0]!);
  if (mc.calls.used[0] === MC_BATCH || argidx + args >= MC_ARGS) {
    const full = mc.calls.used[0] === MC_BATCH ? EV.mc_flush_forced_batch : EV.mc_flush_forced_args;
    k.ledger.count(cpu, full, 1);
    xen_mc_flush(k, cpu);
  }
  mc.argidx[0] = roundup8(mc.argidx[0]!) + args;
}

/** xen_mc_batch() and room for a call in one. */
export function xen_mc_entry(k: Linux, cpu: number, args: number): void {
  xen_mc_batch(k, cpu);
  __xen_mc_entry(k, cpu, args);
}

/** Room for `size` more bytes of arguments of the call queued last; false if that is not an `op`, or has none. */
export function xen_mc_extend_args(k: Linux, cpu: number, op: number, size: number): boolean {
  const { calls, argidx } = k.mc[cpu]!;
  const last = calls.used[0]! - 1;
  const update = op === __HYPERVISOR_mmu_update;
  if (last < 0 || calls.op[last] !== op) {
    k.ledger.count(cpu, update ? EV.mc_extend_mmu_update_bad_op : EV.mc_extend_mmuext_op_bad_op, 1);
    return false;
  }
  if (argidx[0]! + size >= MC_ARGS) {
    k.ledger.count(cpu, update ? EV.mc_extend_mmu_update_no_space : EV.mc_extend_mmuext_op_no_space, 1);
    return false;
  }
  argidx[0]! += size;
  k.ledger.count(cpu, update ? EV.mc_extend_mmu_update_ok : EV.mc_extend_mmuext_op_ok, 1);
  return true;
}

/** Run callback `fn` with `data` after the next flush. */
export function xen_mc_callback(k: Linux, cpu: number, fn: number, data: number): void {
  const mc = k.mc[cpu]!;
  if (mc.cbidx[0] === MC_BATCH) {
    k.ledger.count(cpu, EV.mc_flush_forced_callback, 1);
    xen_mc_flush(k, cpu);
  }
  k.ledger.count(cpu, EV.mc_callback, 1);
  const i = mc.cbidx[0]!;
  mc.cb_fn[i] = fn;
  mc.cb_data[i] = data;
  mc.cbidx[0] = i + 1;
}

/** Queue one mmu_update request, in the last call if that is an mmu_update with room. */
export function xen_extend_mmu_update(
  k: Linux,
  cpu: number,
  cmd: number,
  table: number,
  slot: number,
  frame: number,
  flags: number,
): void {
  const { calls } = k.mc[cpu]!;
  if (!xen_mc_extend_args(k, cpu, __HYPERVISOR_mmu_update, MMU_UPDATE_BYTES)) {
    __xen_mc_entry(k, cpu, MMU_UPDATE_BYTES);
    push_mmu_update(calls);
    trace_xen_mc_entry(k, cpu, __HYPERVISOR_mmu_update);
  }
  add_mmu_update(calls, cmd, table, slot, frame, flags);
}

/** xen_extend_mmu_update() twice, with nothing queued. */
const TWO_QUEUED = Tally.of({
  mc_extend_mmu_update_bad_op: 1,
  mc_entry: 1,
  mc_entry_mmu_update: 1,
  mc_extend_mmu_update_ok: 1,
});

/**
 * Queue a request each for the same slot of two tables, as the first call or in the last one; false, with nothing done, if that is
 * not an mmu_update with room for both.
 */
export function xen_extend_two_mmu_updates(
  k: Linux,
  cpu: number,
  table: number,
  other: number,
  slot: number,
  frame: number,
  flags: number,
): boolean {
  const { calls, argidx } = k.mc[cpu]!;
  const last = calls.used[0]! - 1;
  const bytes = argidx[0]! + 2 * MMU_UPDATE_BYTES;
  if (last < 0) {
    k.ledger.countAll(cpu, TWO_QUEUED);
    push_mmu_update(calls);
  } else {
    if (calls.op[last] !== __HYPERVISOR_mmu_update || bytes >= MC_ARGS) return false;
    k.ledger.count(cpu, EV.mc_extend_mmu_update_ok, 2);
  }
  argidx[0] = bytes;
  add_mmu_update(calls, MMU_NORMAL_PT_UPDATE, table, slot, frame, flags);
  add_mmu_update(calls, MMU_NORMAL_PT_UPDATE, other, slot, frame, flags);
  return true;
}

/** Queue one mmuext_op, in the last call if that is an mmuext_op with room. */
export function xen_extend_mmuext_op(k: Linux, cpu: number, cmd: number, mfn: number): void {
  const { calls } = k.mc[cpu]!;
  if (!xen_mc_extend_args(k, cpu, __HYPERVISOR_mmuext_op, MMUEXT_OP_BYTES)) {
    MULTI_mmuext_op(k, cpu, MMUEXT_OP_BYTES, cmd, mfn);
    return;
  }
  add_mmuext_op(calls, cmd, mfn);
}

/** Queue a call of its own with one mmuext_op, of `bytes` bytes of arguments. */
export function MULTI_mmuext_op(
  k: Linux,
  cpu: number,
  bytes: number,
  cmd: number,
  mfn: number,
  va = 0,
  arg = 0,
): void {
  const { calls } = k.mc[cpu]!;
  __xen_mc_entry(k, cpu, bytes);
  push_mmuext_op(calls);
  add_mmuext_op(calls, cmd, mfn, va, arg);
  trace_xen_mc_entry(k, cpu, __HYPERVISOR_mmuext_op);
}

/** Queue an update_va_mapping; its arguments are passed by value. */
export function MULTI_update_va_mapping(
  k: Linux,
  cpu: number,
  page: Vpn,
  frame: number,
  flags: number,
  uvmf: number,
): void {
  __xen_mc_entry(k, cpu, 0);
  push_update_va_mapping(k.mc[cpu]!.calls, linear_page(page), frame, flags, uvmf);
  trace_xen_mc_entry(k, cpu, __HYPERVISOR_update_va_mapping);
}

/** Queue a stack_switch. */
export function MULTI_stack_switch(k: Linux, cpu: number, sp0: number): void {
  __xen_mc_entry(k, cpu, 0);
  push_stack_switch(k.mc[cpu]!.calls, sp0);
  trace_xen_mc_entry(k, cpu, __HYPERVISOR_stack_switch);
}

/** Queue an update_descriptor of entry `slot` in the descriptor table `gdt`. */
export function MULTI_update_descriptor(k: Linux, cpu: number, gdt: number, slot: number): void {
  __xen_mc_entry(k, cpu, 0);
  push_update_descriptor(k.mc[cpu]!.calls, gdt, slot);
  trace_xen_mc_entry(k, cpu, __HYPERVISOR_update_descriptor);
}

function trace_xen_mc_entry(k: Linux, cpu: number, op: number): void {
  k.ledger.count(cpu, EV.mc_entry, 1);
  k.ledger.count(cpu, ENTRY_EVENT[op]!, 1);
}

const ENTRY_EVENT: Readonly<Record<number, number>> = {
  [__HYPERVISOR_mmu_update]: EV.mc_entry_mmu_update,
  [__HYPERVISOR_mmuext_op]: EV.mc_entry_mmuext_op,
  [__HYPERVISOR_update_va_mapping]: EV.mc_entry_update_va_mapping,
  [__HYPERVISOR_stack_switch]: EV.mc_entry_stack_switch,
  [__HYPERVISOR_set_segment_base]: EV.mc_entry_set_segment_base,
  [__HYPERVISOR_update_descriptor]: EV.mc_entry_update_descriptor,
};

function roundup8(bytes: number): number {
  return (bytes + 7) & ~7;
}
