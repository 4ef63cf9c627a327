/**
 * A root per vCPU that is used inside Xen too: option 2 taken to its end. No pCPU ever has a guest's L4 in %cr3.
 *
 * A private window of the vCPU maps the guest's current L4. It moves where the current L4 does: with a new base
 * pointer and a switch of mode. From there the guest's 496 slots, and slot 256, are copied to the root: at each of
 * these, at a context switch, and where a flush says that an L4 of the domain has changed, ahead of that flush, on the
 * pCPU that gets it. An idle pCPU that gets it gives up the vCPU's tables instead, and copies when the vCPU runs
 * again. Slot 260 is the vCPU's own.
 *
 * Mirrors: update_cr3(), pv_asi_update_shadow_l4(), _toggle_guest_pt(), write_ptbase() and flush_area_local() as
 *          posted in "x86: adventures in Address Space Isolation" v2, 11, 12, 14 and 16 of 18 (facts/xen.md 4.3).
 * Differs: posted without numbers. An idle pCPU has an L4 of its own, as in v1 15/22; v2 leaves all of them on
 *          idle_pg_table, with which the promise breaks as soon as two are idle. Stacks stay where they are (17/18).
 *          No PCID: its default (pcid=xpti) is for XPTI domains, which these cannot be.
 */
import { EV } from "../../abi/events.js";
import { PERDOMAIN_SLOT } from "../../abi/layout.js";
import { tick } from "../flush.js";
import { lost_kernel } from "../refill.js";
import type { Xen } from "../xen.js";
import { copy_guest_slots, move_window } from "./copy-slots.js";
import { stale_roots } from "./l4-uses.js";
import type { RootDesign } from "./root-design.js";
import { LOADED, LOADED_PGE, TOGGLED } from "./shared.js";

export class VcpuRoot implements RootDesign {
  readonly pcid = false;
  /** paging_domctl() refuses: the shadow that log-dirty mode would load is not the vCPU's root. */
  readonly logDirty = false;

  init(x: Xen): void {
    const { tables, vcpus, pcpus } = x;
    if (x.exclusive === "off") tables.alloc_percpu_l3s(pcpus);
    for (let vcpu = 0; vcpu < vcpus.nrVcpus; vcpu++) {
      vcpus.root[vcpu] = this.make_root(x, vcpus.pcpu[vcpu]!);
    }
    for (let pcpu = 0; pcpu < pcpus.nrPcpus; pcpu++) pcpus.idle_l4[pcpu] = this.make_root(x, pcpu);
  }

  write_ptbase(x: Xen, vcpu: number, changed: boolean): void {
    if (changed) move_window(x, vcpu, false);
    this.update_shadow_l4(x, vcpu);
    load(x, vcpu, x.vcpus.root[vcpu]!);
    x.ledger.countAll(vcpu, x.pge ? LOADED_PGE : LOADED);
    tick(x, vcpu);
  }

  /** A plain write of %cr3, to the root that is there: user pages are global, and stay. */
  toggle_guest_mode(x: Xen, vcpu: number): void {
    move_window(x, vcpu, false);
    this.update_shadow_l4(x, vcpu);
    x.ledger.countAll(vcpu, TOGGLED);
    lost_kernel(x, vcpu);
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

  /** Whatever L4 it was: a flush says no more than that it is one of the domain's. */
  flush_root_pgtbl(x: Xen, vcpu: number): void {
    if (x.vcpus.blocked[vcpu] !== 0) this.sync_local_execstate(x, vcpu);
    else this.update_shadow_l4(x, vcpu);
  }

  /** Guest slots and slot 256 of what the window maps. Mirrors: pv_asi_update_shadow_l4(). */
  protected update_shadow_l4(x: Xen, vcpu: number): void {
    copy_guest_slots(x, vcpu, x.vcpus.root[vcpu]!, x.vcpus.l4_window[vcpu]!, true);
  }

  /** The idle pCPU of `vcpu` takes the idle vCPU's L4, and is none of the domain's until the vCPU runs again. */
  private sync_local_execstate(x: Xen, vcpu: number): void {
    const { pcpus, ledger } = x;
    const pcpu = x.vcpus.pcpu[vcpu]!;
    load(x, vcpu, pcpus.idle_l4[pcpu]!);
    pcpus.vcpu[pcpu] = -1;
    pcpus.dirty[pcpu] = 0;
    ledger.count(vcpu, EV.sync_execstate, 1);
    ledger.count(vcpu, EV.cr3_write, 1);
  }

  private make_root(x: Xen, pcpu: number): number {
    const root = x.tables.alloc_xen_frame();
    x.tables.init_xen_l4_slots(root);
    x.tables.set_percpu_slot(root, PERDOMAIN_SLOT, x.pcpus.percpu_l3[pcpu]!);
    return root;
  }
}

function load(x: Xen, vcpu: number, root: number): void {
  const pcpu = x.vcpus.pcpu[vcpu]!;
  x.pcpus.set_xen_cr3(pcpu, root);
  x.pcpus.set_guest_cr3(pcpu, root);
}
