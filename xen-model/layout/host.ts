/**
 * A host with its pagetables as they are in memory, so that what a pCPU can reach is found by walking its %cr3.
 *
 * vCPUs are given to pCPUs in order, domain by domain; pCPUs without one idle.
 *
 * Differs: nothing is ever freed, and a root is brought up to date when a mode is entered, not when something changed.
 */
import type { Mfn } from "../../abi/frames.js";
import { is_guest_l4_slot, PERDOMAIN_SLOT, RO_MPT_SLOT, SH_LINEAR_PT_SLOT } from "../../abi/layout.js";
import { PtMemory } from "../../abi/memory.js";
import { LEVEL_PAGES } from "../../abi/page.js";
import { State } from "../../abi/state.js";
import * as area from "./areas.js";
import { alloc_domain, build_domain, type Domain, type Vcpu } from "./domains.js";
import { FrameMap } from "./frame-map.js";
import { hasOwnSlots, type HostConfig } from "./host-config.js";
import { build_idle_tables, type IdleTables } from "./idle-tables.js";
import { alloc_pcpus, idle_roots, map_stubs, type Pcpu, setup_root_pgts } from "./pcpus.js";
import * as size from "./sizes.js";
import { RW, TableBuilder } from "./table-builder.js";

/** What a pCPU does: run its guest's user or kernel mode, run Xen on behalf of that guest, or idle on idle's tables. */
export const MODES = ["guest-user", "guest-kernel", "xen", "idle"] as const;
/** One of MODES. */
export type Mode = (typeof MODES)[number];

/** A vCPU on its pCPU. */
export interface Running {
  readonly domain: Domain;
  readonly vcpu: Vcpu;
}

export class XenHost {
  readonly mem: PtMemory;
  readonly map: FrameMap;
  readonly idle: IdleTables;
  readonly pcpus: readonly Pcpu[];
  readonly domains: readonly Domain[];
  /** By pCPU: its vCPU, and the L4 that it idles on. */
  readonly running: readonly (Running | undefined)[];
  readonly idleRoots: readonly Mfn[];

  /**
   * Errors: RangeError where the memory does not hold what the host is to have, or a layout needs L4s that no two pCPUs
   *         share and the roots are shared.
   */
  constructor(readonly config: HostConfig) {
    if (hasOwnSlots(config.options) && !config.uniqueL4s)
      throw new RangeError("what is mapped in a pCPU's own L4 only needs L4s that no two pCPUs share");
    const nrTables = tablesOf(config);
    const geometry = { nrFrames: config.nrFrames, nrTables, ptes: 512 };
    this.mem = new PtMemory(new State(PtMemory.bytes(geometry)), geometry);
    this.map = new FrameMap(config.nrFrames, nrTables, size.LOW_FRAMES);
    const b = new TableBuilder(this.mem, this.map);

    this.idle = build_idle_tables(b, config);
    this.pcpus = alloc_pcpus(b, config, this.idle);
    const frames = config.domains.map((_, domid) => alloc_domain(b, config, domid));

    if (!config.options.directmap) this.map_xenheap(b);
    map_stubs(b, this.idle, this.pcpus);
    if (config.root.inGuest === "pcpu") setup_root_pgts(b, config, this.idle, this.pcpus);
    this.idleRoots = idle_roots(b, config, this.idle, this.pcpus);
    let before = 0; // vCPUs of the domains before
    this.domains = frames.map((d) => {
      const first = before;
      before += d.vcpus;
      return build_domain(b, config, this.idle, d, (vcpu) => this.pcpus[first + vcpu]);
    });
    this.map.finish();
    const vcpus = this.domains.flatMap((domain) => domain.vcpu.map((vcpu) => ({ domain, vcpu })));
    this.running = this.pcpus.map((_, pcpu) => vcpus[pcpu]);
  }

  /** Modes that `pcpu` can be in. */
  modes(pcpu: number): readonly Mode[] {
    return this.running[pcpu] === undefined ? ["idle"] : MODES;
  }

  /**
   * Put `pcpu` into `mode`, and tell the root that it then walks: %cr3, or for the guest modes of HVM its EPT.
   * A root that is copied has the mode's contents until another mode is entered there.
   */
  enter(pcpu: number, mode: Mode): Mfn {
    const running = this.running[pcpu];
    if (mode === "idle" || running === undefined) return this.idleRoots[pcpu]!;
    const { domain, vcpu } = running;
    const inGuest = mode !== "xen";
    if (domain.type === "hvm") return inGuest ? domain.ept : vcpu.guest_table;
    if (domain.type === "pv32") return vcpu.guest_table;
    const current = mode === "guest-user" ? vcpu.guest_table_user : vcpu.guest_table;
    const { root } = this.config;
    switch (inGuest ? root.inGuest : root.inXen) {
      case "guest":
        return current;
      case "vcpu":
        this.copy_guest_slots(vcpu.root, current, RO_MPT_SLOT);
        return vcpu.root;
      case "pcpu": {
        const { root_pgt } = this.pcpus[pcpu]!;
        this.copy_guest_slots(root_pgt, current, SH_LINEAR_PT_SLOT);
        this.copy_slot(root_pgt, current, PERDOMAIN_SLOT);
        return root_pgt;
      }
    }
  }

  /** The guest's slots and `more`, as restore_all_guest copies them. */
  private copy_guest_slots(to: Mfn, from: Mfn, more: number): void {
    for (let slot = 0; slot < this.mem.ptes; slot++)
      if (is_guest_l4_slot(slot) || slot === more) this.copy_slot(to, from, slot);
  }

  private copy_slot(to: Mfn, from: Mfn, slot: number): void {
    this.mem.set(to, slot, this.mem.frame(from, slot), this.mem.flags(from, slot));
  }

  /** Xen heap pages are mapped where the directmap had them. Mirrors: directmap removal v5 (facts/xen.md 5.2). */
  private map_xenheap(b: TableBuilder): void {
    for (const { first, end, heap } of this.map.runs)
      if (heap)
        b.map_pages(this.idle.l4, area.DIRECTMAP_VIRT_START + first, first, end - first, RW, { largest: 1 });
  }
}

/** Frames for tables that a host takes at most. */
function tablesOf({ nrFrames, nrPcpus, domains, guestMapped = 512 }: HostConfig): number {
  const gibs = Math.ceil(nrFrames / LEVEL_PAGES[3]);
  const idle = 64 + 2 * Math.ceil(gibs / 512) + Math.min(gibs, 4) + Math.ceil(gibs / 16); // frame table and M2P: 1/100
  const vcpus = domains.reduce((sum, d) => sum + d.vcpus, 0);
  const guests = domains.reduce(
    (sum, d) => sum + 8 + 2 * Math.ceil(guestMapped / 512) + ept_tables(d.frames),
    0,
  );
  const heap = 8 * domains.length + 4 * vcpus + 32 * nrPcpus;
  return (
    size.LOW_FRAMES +
    idle +
    16 * nrPcpus +
    20 * vcpus +
    guests +
    4 * Math.ceil(heap / 512) +
    4 * domains.length +
    64
  );
}

function ept_tables(frames: number): number {
  return 3 + Math.ceil(frames / LEVEL_PAGES[3]) + 2;
}
