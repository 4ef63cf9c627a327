/**
 * XPTI: while guest code runs, %cr3 holds a root of the pCPU, with the guest's slots copied from its L4 and
 * next to nothing of Xen; inside Xen it is the guest's own L4.
 *
 * It copies when CR3 or the L4 changed, which each switch of mode does: since April 2018. The first version (January
 * 2018, `xpti-copy-always`) copied at each exit to the guest and knew no PCID.
 *
 * Mirrors: restore_all_guest (x86_64/entry.S), write_ptbase(), toggle_guest_mode(), do_mmu_update()'s accounting of
 *          L4 uses (facts/xen.md 3). The private window on the guest's L4 is that of Debian's 4.17.7+13, where each
 *          move costs one INVLPG, or with PCID four INVPCID.
 * Differs: slot 259 (shadow linear) is empty, and is not copied.
 */
import { EV } from "../../abi/events.js";
import { CAUSE, type EventCounts, Tally } from "../../abi/ledger.js";
import { PERDOMAIN_SLOT, RO_MPT_SLOT, XEN_VIRT_SLOT } from "../../abi/layout.js";
import { tick } from "../flush.js";
import { touch_domain_page } from "../mapcache.js";
import { lost_all, resume_guest } from "../refill.js";
import type { Xen } from "../xen.js";
import type { XenConfig } from "../xen-config.js";
import { copy_guest_slots, COPIED_SLOTS, move_window } from "./copy-slots.js";
import { stale_roots } from "./l4-uses.js";
import type { RootDesign } from "./root-design.js";

/** What a way from one mode to the other through Xen counts: three writes of %cr3, and the window. */
const WAY: EventCounts = { toggle_guest_mode: 1, cr3_write: 3, l4_window: 1 };
const WAYS: Record<"pcid" | "plain", EventCounts> = {
  pcid: { ...WAY, cr3_write_noflush: 3, invpcid_one: 4 },
  plain: { ...WAY, tlb_flush: 3, invlpg: 1 },
};

/** Xen's slots that the root of a pCPU has, beside the guest's. */
const ROOT_PGT_SLOTS = [RO_MPT_SLOT, PERDOMAIN_SLOT, XEN_VIRT_SLOT];

export class XptiRoot implements RootDesign {
  readonly pcid: boolean;
  readonly logDirty: boolean = true;
  private readonly iret: Tally;
  private readonly syscall: Tally;
  private readonly through: Tally;
  private readonly call: Tally;

  constructor(
    config: XenConfig,
    private readonly always = false,
  ) {
    this.pcid = config.pcid && !always;
    const way = WAYS[this.pcid ? "pcid" : "plain"];
    this.iret = Tally.of({ iret: 1, sysret: 1, l4_copy: 1, l4_slots_copied: COPIED_SLOTS, ...way });
    this.syscall = Tally.of({ syscall: 1, syscall_entry: 1, iretq: 1, ...way });
    const flush = this.pcid ? "cr3_write_noflush" : "tlb_flush";
    const copies = (n: number): EventCounts => ({ l4_copy: n, l4_slots_copied: n * COPIED_SLOTS });
    const windows: EventCounts = { l4_window: 2, ...(this.pcid ? { invpcid_one: 8 } : { invlpg: 2 }) };
    this.through = Tally.of({ cr3_write: 6, [flush]: 6, ...copies(2), ...(always ? {} : windows) });
    this.call = Tally.of({ cr3_write: 2, [flush]: 2, ...(always ? copies(1) : {}) });
  }

  init(x: Xen): void {
    for (let pcpu = 0; pcpu < x.pcpus.nrPcpus; pcpu++) {
      const root = x.tables.alloc_xen_frame();
      x.pcpus.root_pgt[pcpu] = root;
      for (const slot of ROOT_PGT_SLOTS) x.tables.copy_xen_slot(root, slot);
      if (x.exclusive !== "off") x.tables.set_percpu_slot(root, PERDOMAIN_SLOT, x.pcpus.percpu_l3[pcpu]!);
    }
  }

  write_ptbase(x: Xen, vcpu: number, changed: boolean): void {
    const { pcpus, ledger } = x;
    const pcpu = x.vcpus.pcpu[vcpu]!;
    pcpus.set_xen_cr3(pcpu, x.vcpus.current_table(vcpu));
    pcpus.set_guest_cr3(pcpu, pcpus.root_pgt[pcpu]!);
    pcpus.root_pgt_changed[pcpu] = 1;
    if (changed && !this.always) move_window(x, vcpu, this.pcid);
    ledger.count(vcpu, EV.cr3_write, 1);
    tick(x, vcpu);
    if (this.pcid) ledger.count(vcpu, EV.invpcid_all, 1);
    ledger.count(vcpu, EV.tlb_flush, 1);
  }

  toggle_guest_mode(x: Xen, vcpu: number): void {
    const pcpu = x.vcpus.pcpu[vcpu]!;
    x.pcpus.set_xen_cr3(pcpu, x.vcpus.current_table(vcpu));
    x.pcpus.root_pgt_changed[pcpu] = 1;
    if (!this.always) move_window(x, vcpu, this.pcid);
    this.cr3(x, vcpu);
  }

  enter_from_guest(x: Xen, vcpu: number): void {
    this.cr3(x, vcpu);
  }

  exit_to_guest(x: Xen, vcpu: number): void {
    const { pcpus } = x;
    const pcpu = x.vcpus.pcpu[vcpu]!;
    if (pcpus.root_pgt_changed[pcpu] !== 0 || this.always) {
      pcpus.root_pgt_changed[pcpu] = 0;
      if (this.always) touch_domain_page(x, vcpu, pcpus.xen_cr3[pcpu]!); // later versions have a window on it
      copy_guest_slots(x, vcpu, pcpus.root_pgt[pcpu]!, pcpus.xen_cr3[pcpu]!, false);
    }
    this.cr3(x, vcpu);
  }

  /** The copy for user mode is overwritten by that for kernel mode before anybody looks. */
  iret_and_syscall(x: Xen, vcpu: number): boolean {
    const { vcpus, pcpus, ledger } = x;
    if (this.always || x.pv32 || x.tlb !== undefined || vcpus.kernel_mode[vcpu] === 0) return false;
    if (x.config.rootsOnDemand === true) return false;
    const pcpu = vcpus.pcpu[vcpu]!;
    const l4 = vcpus.guest_table[vcpu]!;
    ledger.countAll(vcpu, this.iret);
    vcpus.kernel_mode[vcpu] = 0;
    this.resume(x, vcpu);
    const before = ledger.enter(vcpu, CAUSE.syscall);
    ledger.countAll(vcpu, this.syscall);
    vcpus.kernel_mode[vcpu] = 1;
    vcpus.l4_window[vcpu] = l4;
    if (pcpus.xen_cr3[pcpu] !== l4) pcpus.set_xen_cr3(pcpu, l4);
    pcpus.root_pgt_changed[pcpu] = 0;
    copy_guest_slots(x, vcpu, pcpus.root_pgt[pcpu]!, l4, false);
    this.resume(x, vcpu);
    ledger.enter(vcpu, before);
    return true;
  }

  /**
   * While a program runs, the root is the copy of its L4: whoever changes that interrupts this pCPU, which copies before it goes on. So
   * all copies of this way end where it began.
   */
  through_kernel(x: Xen, vcpu: number, calls: number): void {
    const { vcpus, ledger } = x;
    ledger.countAll(vcpu, this.through);
    vcpus.kernel_mode[vcpu] = 1;
    this.resume(x, vcpu);
    const { times } = ledger;
    ledger.times = times * calls;
    if (calls > 0) {
      ledger.countAll(vcpu, this.call);
      this.resume(x, vcpu);
    }
    ledger.times = times;
    vcpus.kernel_mode[vcpu] = 0;
    this.resume(x, vcpu);
    if (!this.always) vcpus.l4_window[vcpu] = vcpus.current_table(vcpu);
  }

  /** resume_guest(), behind writes of %cr3 that are counted. */
  private resume(x: Xen, vcpu: number): void {
    if (!this.pcid) lost_all(x, vcpu);
    resume_guest(x, vcpu);
  }

  l4_changed(x: Xen, vcpu: number, l4: number): number {
    return stale_roots(x, vcpu, l4);
  }

  flush_root_pgtbl(x: Xen, vcpu: number): void {
    x.pcpus.root_pgt_changed[x.vcpus.pcpu[vcpu]!] = 1;
  }

  /** A write of %cr3 between roots: with PCID it keeps the TLB, without nothing is global, and all goes. */
  private cr3(x: Xen, vcpu: number): void {
    x.ledger.count(vcpu, EV.cr3_write, 1);
    x.ledger.count(vcpu, this.pcid ? EV.cr3_write_noflush : EV.tlb_flush, 1);
    if (!this.pcid) lost_all(x, vcpu);
  }
}

/** XPTI as of January 2018. */
export class XptiCopyAlwaysRoot extends XptiRoot {
  constructor(config: XenConfig) {
    super(config, true);
  }
}
