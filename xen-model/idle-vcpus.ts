/**
 * pCPUs on which no vCPU of a guest is loaded, and the firmware's calls: what Xen itself puts on one L4.
 *
 * Every idle vCPU has idle_pg_table. A pCPU that goes idle keeps the tables of the vCPU that ran there last (lazily), so
 * it is those where none has run that are on it. EFI runtime calls have an L4 of their own, one for all pCPUs; efi_rs_lock
 * lets one pCPU at a time use it.
 *
 * Mirrors: idle_vcpu[], idle_pg_table; efi_rs_enter(), efi_rs_leave(), xen/common/efi/runtime.c (facts/xen.md 4.4). A table
 *          for each but the first: "x86: adventures in Address Space Isolation" v1, 15/22.
 * Differs: pCPUs without a vCPU have had none since boot; a vCPU that goes down leaves its tables loaded.
 */
import { EV } from "../abi/events.js";
import { exit_to_guest, lost_all } from "./refill.js";
import type { Xen } from "./xen.js";

/** Load the idle vCPUs' tables on the pCPUs behind those of the guest; `shared`: one for all. */
export function start_idle_vcpus(x: Xen, shared: boolean): void {
  const { pcpus, tables, config } = x;
  for (let pcpu = config.nrVcpus; pcpu < config.nrPcpus; pcpu++) {
    const first = pcpu === config.nrVcpus;
    pcpus.set_xen_cr3(pcpu, shared || first ? tables.idle_table() : own_idle_table(x));
    pcpus.set_guest_cr3(pcpu, 0);
  }
}

function own_idle_table(x: Xen): number {
  const l4 = x.tables.alloc_xen_frame();
  x.tables.init_xen_l4_slots(l4);
  return l4;
}

/** A firmware call by the vCPU on its pCPU; `during` is told when it runs. False: another pCPU has efi_rs_lock. */
export function efi_runtime_call(x: Xen, vcpu: number, during: () => void): boolean {
  const { pcpus, vcpus, ledger, efi } = x;
  if (efi[1] !== 0) return false;
  if (efi[0] === 0) efi[0] = own_idle_table(x); // Xen's slots as idle_pg_table has them, and the firmware's below
  efi[1] = 1;
  const pcpu = vcpus.pcpu[vcpu]!;
  const before = pcpus.xen_cr3[pcpu]!;
  x.root.enter_from_guest(x, vcpu);
  pcpus.set_xen_cr3(pcpu, efi[0]!);
  ledger.count(vcpu, EV.cr3_write, 1);
  ledger.count(vcpu, EV.tlb_flush, 1);
  during();
  pcpus.set_xen_cr3(pcpu, before);
  ledger.count(vcpu, EV.cr3_write, 1);
  ledger.count(vcpu, EV.tlb_flush, 1);
  lost_all(x, vcpu);
  exit_to_guest(x, vcpu);
  efi[1] = 0;
  return true;
}
