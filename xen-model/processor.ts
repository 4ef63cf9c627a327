/**
 * The pCPUs as they translate addresses: the guest's by the root that it runs on, and Xen's linear map.
 *
 * Differs: without a TLB (XenConfig.tlb), each access walks the tables. With one, root "shared" alone is modelled.
 */
import { mfn as asMfn, type Vpn } from "../abi/frames.js";
import type { PtMemory } from "../abi/memory.js";
import { _PAGE_PRESENT } from "../abi/page.js";
import type { State } from "../abi/state.js";
import { access_error } from "./hw/access-rights.js";
import { ACCESS_READ, type Access, WalkControl } from "./hw/control.js";
import { Tlb } from "./hw/tlb.js";
import { translate } from "./hw/translate.js";
import { l1e_of, maps_read_only, missing_l1e, succeeds_at, walk, Walk, WALK_OK } from "./hw/walk.js";
import type { PcpuTable } from "./pcpu-table.js";
import type { XenConfig } from "./xen-config.js";

export class Processor {
  /** What the pCPUs have cached of guest and linear mappings. */
  readonly tlb: Tlb | undefined;
  /** Of the last access. */
  readonly out = new Walk();
  private readonly ring3 = new WalkControl();
  private readonly supervisor = new WalkControl();

  constructor(
    state: State,
    private readonly mem: PtMemory,
    private readonly pcpus: PcpuTable,
    config: XenConfig,
  ) {
    if (config.tlb !== undefined) {
      if (config.root !== "shared")
        throw new RangeError(`Xen: no TLB is modelled with root ${config.root}; use shared`);
      this.tlb = new Tlb(state, { nrCpus: config.nrPcpus, ptes: config.geometry.ptes, ...config.tlb });
    }
    this.ring3.cpl = 3;
  }

  /** An access of the guest's: WALK_OK, or the error code. `supervisor`: it runs in ring 1. */
  access(pcpu: number, page: Vpn, access: Access, supervisor: boolean): number {
    const { mem, out, tlb } = this;
    const control = supervisor ? this.supervisor : this.ring3;
    const root = asMfn(this.pcpus.guest_cr3[pcpu]!);
    return tlb === undefined
      ? walk(mem, control, root, page, access, out)
      : translate(mem, tlb, pcpu, control, root, 0, page, access, out);
  }

  /** The l1e that a program's access to `page` finds not present, if it leaves no mark; else NO_ENTRY. Without a TLB. */
  missing_l1e(pcpu: number, page: Vpn): number {
    const { mem, ring3, out } = this;
    return missing_l1e(mem, ring3, asMfn(this.pcpus.guest_cr3[pcpu]!), page, out);
  }

  /** Does the same access succeed by that entry now, and leave no mark? */
  succeeds_at(l1e: number, access: Access): boolean {
    return succeeds_at(this.mem, this.ring3, l1e, access, this.out);
  }

  /** Does the guest kernel's store to `page`, on tables of `root`, find a read-only mapping of `frame`, and leave no mark? */
  maps_read_only(root: number, page: Vpn, frame: number): boolean {
    return maps_read_only(this.mem, this.ring3, asMfn(root), page, frame, this.out);
  }

  /** Index of the first word of the l1e of `page` in tables of `root`, below entries that a walk leaves as they are; else NO_ENTRY. */
  used_l1e(root: number, page: Vpn): number {
    return l1e_of(this.mem, this.ring3, asMfn(root), page, this.out);
  }

  /** The error code of a program's access to what is not present. */
  error_of(access: Access): number {
    return access_error(this.ring3, access);
  }

  /** Xen reads its linear map at `page`: the frame that is there, or -1. */
  read_linear_map(pcpu: number, page: Vpn): number {
    const { mem, out, tlb, supervisor } = this;
    const root = asMfn(this.pcpus.xen_cr3[pcpu]!);
    const error = translate(mem, tlb!, pcpu, supervisor, root, 0, page, ACCESS_READ, out);
    return error === WALK_OK ? out.frame : -1;
  }

  /** What the tables that `pcpu` has in Xen map 4 KiB page `page` to: a frame, or -1. Marks no entry accessed. */
  walk_in_xen(pcpu: number, page: Vpn): number {
    const { mem } = this;
    let frame = this.pcpus.xen_cr3[pcpu]!;
    for (let level = 4; level > 0; level--) {
      const slot = Math.floor(page / mem.ptes ** (level - 1)) % mem.ptes;
      if ((mem.flags(frame, slot) & _PAGE_PRESENT) === 0) return -1;
      frame = mem.frame(frame, slot);
    }
    return frame;
  }
}
