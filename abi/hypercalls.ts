/**
 * Hypercall numbers, and the call buffer: hypercall arguments as they lie in guest memory.
 *
 * One file beside this one per hypercall describes its arguments and writes them into a call buffer:
 * mmu-update.ts, mmuext-op.ts, update-va-mapping.ts, stack-switch.ts, ... To add a hypercall, add its number
 * here, its file there, and its case to do_hypercall() in xen-model/.
 *
 * Mirrors: xen/include/public/xen.h, struct multicall_entry.
 */
import { cpumask_words } from "./cpumask.js";
import type { Rc } from "./errno.js";
import type { State } from "./state.js";

export const __HYPERVISOR_set_trap_table = 0;
export const __HYPERVISOR_mmu_update = 1;
export const __HYPERVISOR_set_gdt = 2;
export const __HYPERVISOR_stack_switch = 3;
export const __HYPERVISOR_fpu_taskswitch = 5;
export const __HYPERVISOR_update_descriptor = 10;
export const __HYPERVISOR_multicall = 13;
export const __HYPERVISOR_update_va_mapping = 14;
export const __HYPERVISOR_xen_version = 17;
export const __HYPERVISOR_vm_assist = 21;
export const __HYPERVISOR_iret = 23;
export const __HYPERVISOR_vcpu_op = 24;
export const __HYPERVISOR_set_segment_base = 25;
export const __HYPERVISOR_mmuext_op = 26;
export const __HYPERVISOR_event_channel_op = 32;

export const HYPERCALL_NAMES: Readonly<Record<number, string>> = {
  [__HYPERVISOR_set_trap_table]: "set_trap_table",
  [__HYPERVISOR_mmu_update]: "mmu_update",
  [__HYPERVISOR_set_gdt]: "set_gdt",
  [__HYPERVISOR_stack_switch]: "stack_switch",
  [__HYPERVISOR_fpu_taskswitch]: "fpu_taskswitch",
  [__HYPERVISOR_update_descriptor]: "update_descriptor",
  [__HYPERVISOR_multicall]: "multicall",
  [__HYPERVISOR_update_va_mapping]: "update_va_mapping",
  [__HYPERVISOR_xen_version]: "xen_version",
  [__HYPERVISOR_vm_assist]: "vm_assist",
  [__HYPERVISOR_iret]: "iret",
  [__HYPERVISOR_vcpu_op]: "vcpu_op",
  [__HYPERVISOR_set_segment_base]: "set_segment_base",
  [__HYPERVISOR_mmuext_op]: "mmuext_op",
  [__HYPERVISOR_event_channel_op]: "event_channel_op",
};

export const DOMID_SELF = 0x7ff0;
export const DOMID_IO = 0x7ff1;
export const DOMID_XEN = 0x7ff2;

/** Of what a call buffer counts its rows in use: see CallBuffer.used. */
export const CALL_COUNTS = 3;

/** How many rows a call buffer has of each kind. */
export interface CallCapacity {
  readonly calls: number;
  readonly mmuUpdates: number;
  readonly mmuextOps: number;
  /** vCPUs that a bitmap can name; 32 by default. */
  readonly nrVcpus?: number;
}

/**
 * Calls with their arguments, in typed arrays of the machine's state.
 *
 * Shape, one row per call:
 *   op       Uint8Array    __HYPERVISOR_*
 *   first    Uint16Array   mmu_update, mmuext_op: the first of its requests below
 *   count    Uint16Array   ... and how many
 *   domid    Uint32Array   mmu_update, mmuext_op: foreigndom
 *   va       Float64Array  update_va_mapping: linear address >> 12, all 52 bits
 *   frame    Float64Array  update_va_mapping: frame of the new entry; other calls: first argument
 *   flags    Uint32Array   update_va_mapping: the 24 flags of the new entry; other calls: second argument
 *   uvmf     Uint32Array   update_va_mapping: UVMF_*
 *   mask     Uint32Array   update_va_mapping: the vCPU bitmap for UVMF_MULTI
 *   rc       Int32Array    result, 0 or -errno
 *   done     Int32Array    mmu_update, mmuext_op: *pdone; -1 where Xen wrote none
 *
 * one row per mmu_update request (mmu-update.ts) and per mmuext_op (mmuext-op.ts):
 *   mu_table Float64Array, mu_slot Uint16Array, mu_cmd Uint8Array, mu_frame Float64Array, mu_flags Uint32Array
 *   mx_cmd   Uint8Array, mx_mfn Float64Array, mx_va Float64Array, mx_arg Float64Array,
 *   mx_vcpus Uint32Array, moreWords a row
 */
export class CallBuffer {
  readonly op: Uint8Array;
  readonly first: Uint16Array;
  readonly count: Uint16Array;
  readonly domid: Uint32Array;
  readonly va: Float64Array;
  readonly frame: Float64Array;
  readonly flags: Uint32Array;
  readonly uvmf: Uint32Array;
  readonly mask: Uint32Array;
  readonly rc: Int32Array;
  readonly done: Int32Array;

  readonly mu_table: Float64Array;
  readonly mu_slot: Uint16Array;
  readonly mu_cmd: Uint8Array;
  readonly mu_frame: Float64Array;
  readonly mu_flags: Uint32Array;

  readonly mx_cmd: Uint8Array;
  readonly mx_mfn: Float64Array;
  readonly mx_va: Float64Array;
  readonly mx_arg: Float64Array;
  readonly mx_vcpus: Uint32Array;
  /** Words of a vCPU bitmap behind its first. */
  readonly moreWords: number;

  /** used[0] calls, used[1] mmu_update requests and used[2] mmuext_ops are in the buffer. */
  readonly used: Uint32Array;

  constructor(
    state: State,
    readonly capacity: CallCapacity,
    used = state.u32(CALL_COUNTS),
  ) {
    const { calls, mmuUpdates, mmuextOps, nrVcpus = 32 } = capacity;
    this.moreWords = cpumask_words(nrVcpus) - 1;
    this.op = state.u8(calls);
    this.first = state.u16(calls);
    this.count = state.u16(calls);
    this.domid = state.u32(calls);
    this.va = state.f64(calls);
    this.frame = state.f64(calls);
    this.flags = state.u32(calls);
    this.uvmf = state.u32(calls);
    this.mask = state.u32(calls);
    this.rc = state.i32(calls);
    this.done = state.i32(calls);
    this.mu_table = state.f64(mmuUpdates);
    this.mu_slot = state.u16(mmuUpdates);
    this.mu_cmd = state.u8(mmuUpdates);
    this.mu_frame = state.f64(mmuUpdates);
    this.mu_flags = state.u32(mmuUpdates);
    this.mx_cmd = state.u8(mmuextOps);
    this.mx_mfn = state.f64(mmuextOps);
    this.mx_va = state.f64(mmuextOps);
    this.mx_arg = state.f64(mmuextOps);
    this.mx_vcpus = state.u32(mmuextOps * this.moreWords);
    this.used = used;
  }

  /** Forget the calls. */
  reset(): void {
    const { used } = this;
    used[0] = used[1] = used[2] = 0; // one by one: fill() is a call
  }

  /** Zeros in what is not in use, as is left of calls that were made: for who compares machines byte by byte. */
  clearUnused(): void {
    const { op, first, count, domid, va, frame, flags, uvmf, mask, rc, done, used } = this;
    for (const column of [op, first, count, domid, va, frame, flags, uvmf, mask, rc, done])
      column.fill(0, used[0]!);
    const { mu_table, mu_slot, mu_cmd, mu_frame, mu_flags } = this;
    for (const column of [mu_table, mu_slot, mu_cmd, mu_frame, mu_flags]) column.fill(0, used[1]!);
    const { mx_cmd, mx_mfn, mx_va, mx_arg } = this;
    for (const column of [mx_cmd, mx_mfn, mx_va, mx_arg]) column.fill(0, used[2]!);
    this.mx_vcpus.fill(0, used[2]! * this.moreWords);
  }

  /** Add a call of number `op` without arguments; returns its row. */
  push(op: number): number {
    const row = this.used[0]!;
    if (row >= this.capacity.calls) {
      throw new RangeError(`CallBuffer: ${row} calls are the capacity; issue them, or build a larger buffer`);
    }
    this.used[0] = row + 1;
    this.op[row] = op;
    this.first[row] = 0;
    this.count[row] = 0;
    this.domid[row] = DOMID_SELF;
    this.frame[row] = 0;
    this.flags[row] = 0;
    this.rc[row] = 0;
    this.done[row] = -1;
    return row;
  }

  /** Result of call `row`. */
  result(row: number): Rc {
    return this.rc[row]!;
  }
}
