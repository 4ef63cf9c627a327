/**
 * The hypercall table: who does what of a call's number, and which event it is.
 *
 * Mirrors: pv_hypercall_table[], xen/arch/x86/pv/hypercall.c.
 * Differs: calls that touch no pagetable do nothing; iret and multicall are in xen.ts.
 */
import { ENOSYS, type Rc } from "../abi/errno.js";
import { EV } from "../abi/events.js";
import * as hc from "../abi/hypercalls.js";
import { do_set_gdt } from "./descriptor-tables.js";
import { do_mmu_update } from "./do-mmu-update.js";
import { do_mmuext_op } from "./do-mmuext-op.js";
import { do_update_va_mapping } from "./do-update-va-mapping.js";
import { do_vm_assist } from "./vm-assist.js";
import type { Xen } from "./xen.js";

/** Make the call in `row`; `inPlace`: see do_mmu_update(). Errors: -ENOSYS  no such hypercall; else the call's own. */
export function dispatch(x: Xen, vcpu: number, calls: hc.CallBuffer, row: number, inPlace = false): Rc {
  switch (calls.op[row]) {
    case hc.__HYPERVISOR_mmu_update:
      return do_mmu_update(x, vcpu, calls, row, inPlace);
    case hc.__HYPERVISOR_mmuext_op:
      return do_mmuext_op(x, vcpu, calls, row, inPlace);
    case hc.__HYPERVISOR_update_va_mapping:
      return do_update_va_mapping(x, vcpu, calls, row);
    case hc.__HYPERVISOR_set_gdt:
      return do_set_gdt(x, vcpu, calls, row);
    case hc.__HYPERVISOR_stack_switch:
    case hc.__HYPERVISOR_set_segment_base:
    case hc.__HYPERVISOR_update_descriptor:
    case hc.__HYPERVISOR_fpu_taskswitch:
    case hc.__HYPERVISOR_xen_version:
      return 0;
    case hc.__HYPERVISOR_event_channel_op:
      x.config.lower?.event_channel_send(vcpu, calls.frame[row]!);
      return 0;
    case hc.__HYPERVISOR_vm_assist:
      return do_vm_assist(x, calls, row);
    default:
      return -ENOSYS;
  }
}

/** The event of a hypercall made directly. */
export const DIRECT: Record<number, number> = {
  [hc.__HYPERVISOR_mmu_update]: EV.mmu_update,
  [hc.__HYPERVISOR_mmuext_op]: EV.mmuext_op,
  [hc.__HYPERVISOR_update_va_mapping]: EV.update_va_mapping,
  [hc.__HYPERVISOR_stack_switch]: EV.stack_switch,
  [hc.__HYPERVISOR_set_segment_base]: EV.set_segment_base,
  [hc.__HYPERVISOR_update_descriptor]: EV.update_descriptor,
  [hc.__HYPERVISOR_fpu_taskswitch]: EV.fpu_taskswitch,
  [hc.__HYPERVISOR_set_gdt]: EV.set_gdt,
  [hc.__HYPERVISOR_vm_assist]: EV.vm_assist,
  [hc.__HYPERVISOR_xen_version]: EV.xen_version,
  [hc.__HYPERVISOR_event_channel_op]: EV.event_channel_op,
};

/** ... and of one inside a multicall. */
export const INSIDE: Record<number, number> = {
  [hc.__HYPERVISOR_mmu_update]: EV.mc_mmu_update,
  [hc.__HYPERVISOR_mmuext_op]: EV.mc_mmuext_op,
  [hc.__HYPERVISOR_update_va_mapping]: EV.mc_update_va_mapping,
  [hc.__HYPERVISOR_stack_switch]: EV.mc_stack_switch,
  [hc.__HYPERVISOR_set_segment_base]: EV.mc_set_segment_base,
  [hc.__HYPERVISOR_update_descriptor]: EV.mc_update_descriptor,
};
