/**
 * A root per vCPU that is used inside Xen too: option 2 taken to its end. No pCPU ever has a guest's L4 in %cr3.
 *
 * The guest's slots, and slot 256, are copied whenever another of the guest's L4s becomes current, and on each vCPU
 * that runs on an L4 when one of its entries changes: there in the flush interrupt itself.
 *
 * Mirrors: "x86: adventures in Address Space Isolation" v2, 16/18 (facts/xen.md 4.3).
 * Differs: posted without numbers; its toggle is taken to flush as write_ptbase() without PCID does. PV log-dirty
 *          does not work with it. What of Xen the root maps is not looked at here.
 */
import { EV } from "../../abi/events.js";
import { tick } from "../flush.js";
import type { Xen } from "../xen.js";
import { copy_guest_slots, move_window } from "./copy-slots.js";
import { stale_roots } from "./l4-uses.js";
import type { RootDesign } from "./root-design.js";

export class VcpuRoot implements RootDesign {
  readonly pcid = false;

  init(x: Xen): void {
    for (let vcpu = 0; vcpu < x.vcpus.nrVcpus; vcpu++) {
      const root = x.tables.alloc_xen_frame();
      x.vcpus.root[vcpu] = root;
      x.tables.init_xen_l4_slots(root);
    }
  }

  write_ptbase(x: Xen, vcpu: number, changed: boolean): void {
    const { ledger } = x;
    if (changed) move_window(x, vcpu, false);
    this.copy(x, vcpu);
    ledger.count(vcpu, EV.cr3_write, 1);
    if (x.pge) ledger.count(vcpu, EV.cr4_write, 2);
    tick(x, vcpu);
    ledger.count(vcpu, EV.tlb_flush, 1);
  }

  toggle_guest_mode(x: Xen, vcpu: number): void {
    move_window(x, vcpu, false);
    this.copy(x, vcpu);
    x.ledger.count(vcpu, EV.cr3_write, 1);
    x.ledger.count(vcpu, EV.tlb_flush_nonglobal, 1);
  }

  enter_from_guest(): void {
    // the same root
  }

  exit_to_guest(): void {
    // the same root
  }

  l4_changed(x: Xen, vcpu: number, l4: number): number {
    return stale_roots(x, vcpu, l4);
  }

  flush_root_pgtbl(x: Xen, vcpu: number): void {
    this.copy(x, vcpu);
  }

  private copy(x: Xen, vcpu: number): void {
    const pcpu = x.vcpus.pcpu[vcpu]!;
    const root = x.vcpus.root[vcpu]!;
    copy_guest_slots(x, vcpu, root, x.vcpus.current_table(vcpu), true);
    x.pcpus.xen_cr3[pcpu] = root;
    x.pcpus.guest_cr3[pcpu] = root;
  }
}
