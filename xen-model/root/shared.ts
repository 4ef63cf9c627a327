/**
 * The guest's own L4 in %cr3, in the guest and in Xen alike: as before 2018, and for domains without XPTI.
 *
 * User pages are global, so a switch of mode drops the guest kernel's entries only.
 *
 * Mirrors: write_ptbase(), toggle_guest_mode() without XPTI and PCID (facts/xen.md 2, 10.2).
 */
import { Tally } from "../../abi/ledger.js";
import { tick } from "../flush.js";
import { lost_kernel } from "../refill.js";
import type { Xen } from "../xen.js";
import type { RootDesign } from "./root-design.js";

/** A plain write of %cr3, which global entries survive. */
export const TOGGLED = Tally.frequent({ cr3_write: 1, tlb_flush_nonglobal: 1 });

/** One that takes all entries, for which CR4.PGE is cleared and set again where it was set. */
export const LOADED = Tally.of({ cr3_write: 1, tlb_flush: 1 });
export const LOADED_PGE = Tally.frequent({ cr3_write: 1, cr4_write: 2, tlb_flush: 1 });

export class SharedRoot implements RootDesign {
  readonly pcid: boolean = false;
  readonly logDirty: boolean = true;
  readonly toggles_by_cr3: boolean = true;

  init(_x: Xen): void {
    // nothing of its own
  }

  write_ptbase(x: Xen, vcpu: number, _changed: boolean): void {
    load(x, vcpu);
    x.ledger.countAll(vcpu, x.pge ? LOADED_PGE : LOADED);
    tick(x, vcpu);
  }

  toggle_guest_mode(x: Xen, vcpu: number): void {
    load(x, vcpu);
    x.ledger.countAll(vcpu, TOGGLED);
    lost_kernel(x, vcpu);
  }

  enter_from_guest(_x: Xen, _vcpu: number): void {
    // the same root
  }

  exit_to_guest(_x: Xen, _vcpu: number): void {
    // the same root
  }

  l4_changed(_x: Xen, _vcpu: number, _l4: number): number {
    return 0;
  }

  flush_root_pgtbl(_x: Xen, _vcpu: number): void {
    // nothing is copied
  }
}

function load(x: Xen, vcpu: number): void {
  const pcpu = x.vcpus.pcpu[vcpu]!;
  const l4 = x.vcpus.current_table(vcpu);
  x.pcpus.set_both_cr3(pcpu, l4, l4);
}
