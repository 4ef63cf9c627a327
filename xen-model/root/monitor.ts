/**
 * A table of Xen's own for each vCPU of a guest whose tables the processor walks itself: none of the guest's L4s is ever in
 * the %cr3 that Xen runs on.
 *
 * While the guest runs, CR3 is the guest's own register: a guest-physical address, behind EPT. What counts for the promise
 * is HOST_CR3, which the next exit loads; pcpus.guest_cr3 holds it too.
 *
 * Mirrors: hap_make_monitor_table(), xen/arch/x86/mm/hap/hap.c; vmx_set_host_env() (facts/xen.md 7).
 * Differs: the monitor table is made with the vCPU, not at its first paging mode. Its full directmap is PV's short one.
 */
import type { Xen } from "../xen.js";
import type { RootDesign } from "./root-design.js";

export class MonitorRoot implements RootDesign {
  readonly pcid = false;
  readonly logDirty = true;

  init(x: Xen): void {
    for (let vcpu = 0; vcpu < x.vcpus.nrVcpus; vcpu++) {
      const root = x.tables.alloc_xen_frame();
      x.vcpus.root[vcpu] = root;
      x.tables.init_xen_l4_slots(root);
    }
  }

  /** The vCPU's state is loaded on its pCPU: VMCS with HOST_CR3. */
  write_ptbase(x: Xen, vcpu: number): void {
    const pcpu = x.vcpus.pcpu[vcpu]!;
    x.pcpus.set_xen_cr3(pcpu, x.vcpus.root[vcpu]!);
    x.pcpus.set_guest_cr3(pcpu, x.vcpus.root[vcpu]!);
  }

  toggle_guest_mode(): void {
    // the guest's own affair
  }

  enter_from_guest(): void {
    // the exit loads HOST_CR3: hvm.ts
  }

  exit_to_guest(): void {
    // and the entry GUEST_CR3
  }

  l4_changed(): number {
    return 0;
  }

  flush_root_pgtbl(): void {
    // nothing is copied
  }
}
