/**
 * Domains: their memory, what Xen keeps for them, their per-domain area, and the L4s of their vCPUs.
 *
 * Mirrors: create_perdomain_mapping(), mm.c; setup_compat_l4(), pv/domain.c; hap_make_monitor_table(), hap.c; pv_create_gdt_ldt_l1tab()
 *          (facts/xen.md 1.4, 5.1, 6, 7).
 * Differs: of its own memory each guest maps `guestMapped` frames, at the same two places in all its L4s. What a mapcache keeps
 *          mapped is the domain's own memory and, where roots are domain heap, the root that was last written. An EPT entry is
 *          built as a pagetable entry, whose R, W and X are P, R/W and U/S of the other. A 32-bit guest has one L2.
 */
import type { Mfn } from "../../abi/frames.js";
import { LINUX_DIRECT_MAP_SLOT } from "../../abi/layout.js";
import { LEVEL_PAGES } from "../../abi/page.js";
import * as area from "./areas.js";
import { type DomainConfig, hasMapcache, hasOwnSlots, type HostConfig } from "./host-config.js";
import { type IdleTables, init_xen_l4_slots } from "./idle-tables.js";
import { map_own_pcpu, type Pcpu } from "./pcpus.js";
import * as size from "./sizes.js";
import { RW, type TableBuilder, USER_RW } from "./table-builder.js";

/** Frames and tables of a vCPU; 0 for what its type does not have. */
export interface Vcpu {
  readonly domid: number;
  readonly vcpu: number;
  /** First frame of struct vcpu, the FPU area and the like. */
  readonly state: Mfn;
  /** Compat argument area. */
  readonly arg_xlat: Mfn;
  /** L4 of guest-kernel and guest-user mode (32-bit PV: the same), or the monitor table. */
  readonly guest_table: Mfn;
  readonly guest_table_user: Mfn;
  /** The vCPU's own root, where the shape of roots has one. */
  readonly root: Mfn;
  /** L3 of slot 260. */
  readonly perdomain_l3: Mfn;
}

export interface Domain extends DomainConfig {
  readonly domid: number;
  /** First frame of its memory. */
  readonly memory: Mfn;
  readonly ept: Mfn;
  readonly vcpu: Vcpu[];
}

/** What alloc_domain() has taken, before any L4 is built; `frames`: without the guest's tables. */
export interface DomainFrames extends DomainConfig {
  readonly domid: number;
  readonly memory: Mfn;
  readonly ept: Mfn;
  /** First frame of struct domain, grant tables and event channels. */
  readonly heap: Mfn;
  readonly states: { state: Mfn; arg_xlat: Mfn; root: Mfn }[];
}

/** Take a domain's frames, and build its EPT. */
export function alloc_domain(b: TableBuilder, config: HostConfig, domid: number): DomainFrames {
  const domain = config.domains[domid]!;
  const { options } = config;
  const heap = b.map.alloc("xenheap", size.DOMAIN_HEAP_FRAMES, {
    domid,
    heap: options.domainState === "xenheap",
  });
  const states = Array.from({ length: domain.vcpus }, (_, index) => ({
    state: b.map.alloc("vcpu_state", size.VCPU_STATE_FRAMES, {
      domid,
      index,
      heap: options.vcpuState === "xenheap",
    }),
    arg_xlat:
      domain.type === "pv64" ? (0 as Mfn) : b.map.alloc("vcpu_state", area.ARG_XLAT_PAGES, { domid, index }),
    root:
      config.root.inXen === "vcpu" && domain.type === "pv64"
        ? b.alloc("pagetable", { domid, index, heap: options.roots === "xenheap" })
        : (0 as Mfn),
  }));
  const frames = domain.frames - guest_table_frames(config, domain);
  const memory = b.map.alloc("domain", frames, { domid }, LEVEL_PAGES[2]);
  const ept = domain.type === "hvm" ? build_ept(b, domid, memory, frames, options.ept) : (0 as Mfn);
  return { ...domain, frames, domid, memory, ept, heap, states };
}

/** Of a PV guest's memory, what its tables take: see guest_tables() and make_l4s(). */
function guest_table_frames(
  { uniqueL4s, guestMapped = 512 }: HostConfig,
  { type, vcpus }: DomainConfig,
): number {
  if (type === "hvm") return 0;
  const l1s = Math.ceil(guestMapped / 512);
  return type === "pv32" ? 3 + l1s : 2 * (uniqueL4s ? vcpus : 1) + 2 * (2 + l1s);
}

/** The guest's physical addresses from 0 on, with 2 MiB pages. */
function build_ept(b: TableBuilder, domid: number, memory: Mfn, frames: number, ept: string): Mfn {
  const owner = { domid, heap: ept === "mapped" };
  const l4 = b.alloc("ept", owner);
  b.map_pages(l4, 0, memory, frames, USER_RW, { largest: 2, upper: USER_RW, kind: "ept", owner });
  return l4;
}

/** Build the tables of a domain whose frames are taken. `pcpu_of`: where a vCPU runs, undefined if it does not. */
export function build_domain(
  b: TableBuilder,
  config: HostConfig,
  idle: IdleTables,
  d: DomainFrames,
  pcpu_of: (vcpu: number) => Pcpu | undefined,
): Domain {
  const own = hasOwnSlots(config.options);
  const guest = d.type === "hvm" ? undefined : guest_tables(b, config, idle.compat_l2, d);
  const shared_l3 = own ? undefined : b.alloc("pagetable", { domid: d.domid });
  const vcpu: Vcpu[] = [];
  d.states.forEach((state, n) => {
    const perdomain_l3 = shared_l3 ?? b.alloc("pagetable", { domid: d.domid });
    map_perdomain(b, config, d, n, perdomain_l3, pcpu_of(n));
    const first = vcpu[0];
    const pair =
      first !== undefined && d.type === "pv64" && !config.uniqueL4s
        ? { guest_table: first.guest_table, guest_table_user: first.guest_table_user }
        : make_l4s(b, config, idle, d, perdomain_l3, guest);
    if (state.root !== 0) xen_slots(b, config, idle, d, state.root, perdomain_l3, true);
    vcpu.push({ domid: d.domid, vcpu: n, ...state, ...pair, perdomain_l3 });
  });
  return {
    type: d.type,
    vcpus: d.vcpus,
    frames: d.frames,
    domid: d.domid,
    memory: d.memory,
    ept: d.ept,
    vcpu,
  };
}

/** L4s of a vCPU: a pair of a 64-bit guest's own, Xen's for a 32-bit guest, the monitor table. */
function make_l4s(
  b: TableBuilder,
  config: HostConfig,
  idle: IdleTables,
  d: DomainFrames,
  perdomain_l3: Mfn,
  guest: GuestTables | undefined,
): Pick<Vcpu, "guest_table" | "guest_table_user"> {
  const { domid } = d;
  if (d.type !== "pv64") {
    const l4 = b.alloc("pagetable", { domid });
    xen_slots(b, config, idle, d, l4, perdomain_l3, false);
    if (guest !== undefined) b.mem.set(l4, 0, guest.user, USER_RW);
    return { guest_table: l4, guest_table_user: l4 };
  }
  const [guest_table, guest_table_user] = [b.alloc("domain", { domid }), b.alloc("domain", { domid })];
  for (const l4 of [guest_table, guest_table_user]) {
    b.mem.set(l4, 0, guest!.user, USER_RW);
    xen_slots(b, config, idle, d, l4, perdomain_l3, l4 === guest_table); // fill_ro_mpt(), when it is a kernel table
  }
  b.mem.set(guest_table, LINUX_DIRECT_MAP_SLOT, guest!.kernel, USER_RW);
  return { guest_table, guest_table_user };
}

function xen_slots(
  b: TableBuilder,
  { options }: HostConfig,
  idle: IdleTables,
  { type }: DomainFrames,
  l4: Mfn,
  perdomain_l3: Mfn,
  roMpt: boolean,
): void {
  const [external, alt] = [type === "hvm", type !== "pv64"];
  init_xen_l4_slots(b, { idle: idle.l4, l4, perdomain_l3, options, roMpt, external, alt });
}

interface GuestTables {
  /** L3s of user space (32-bit: of everything) and of the guest kernel's own map of its memory. */
  readonly user: Mfn;
  readonly kernel: Mfn;
}

/** A guest's own tables below L4, in its own memory. Every PV page is 4 KiB, and user pages as far as the processor knows. */
function guest_tables(b: TableBuilder, config: HostConfig, compat_l2: Mfn, d: DomainFrames): GuestTables {
  const owner = { domid: d.domid };
  const frames = Math.min(config.guestMapped ?? 512, d.frames);
  const map = (): Mfn => {
    const l3 = b.alloc("domain", owner);
    b.map_below_l3(l3, 0, d.memory, frames, USER_RW, { upper: USER_RW, kind: "domain", owner });
    return l3;
  };
  const user = map();
  if (d.type === "pv64") return { user, kernel: map() };
  const l2 = b.alloc("domain", owner); // PGT_pae_xen_l2
  b.mem.copy_page(l2, compat_l2);
  b.mem.set(user, 3, l2, USER_RW);
  return { user, kernel: user };
}

/** Fill the per-domain area of vCPU `n`, below the slot 260 that it shares with the domain's others, or has for itself. */
function map_perdomain(
  b: TableBuilder,
  config: HostConfig,
  d: DomainFrames,
  n: number,
  l3: Mfn,
  pcpu: Pcpu | undefined,
): void {
  const options = { kind: "pagetable", owner: { domid: d.domid } } as const;
  const { state, arg_xlat } = d.states[n]!;
  const { vcpuState, domainState } = config.options;
  const map = (page: number, mfn: number, count: number): void =>
    b.map_below_l3(l3, page, mfn, count, RW, options);
  if (d.type !== "hvm") {
    const gdt = area.GDT_LDT_VIRT_START + n * area.GDT_LDT_VCPU_PAGES;
    map(gdt, d.memory + (n % d.frames), 1); // the guest's first GDT frame
    if (pcpu !== undefined) map(gdt + FIRST_RESERVED_GDT_PAGE, pcpu.gdt, 1);
  }
  if (arg_xlat !== 0)
    map(area.ARG_XLAT_VIRT_START + n * area.ARG_XLAT_VCPU_PAGES, arg_xlat, area.ARG_XLAT_PAGES);
  if (hasMapcache(config, area.SHORT_DIRECTMAP_FRAMES)) {
    const root = config.options.roots === "domheap" ? root_of(config, d, n, pcpu) : 0;
    const entries = MAPHASH_ENTRIES - Number(root !== 0); // what the vCPU has used last stays mapped
    const cached = Math.min(entries, Math.floor(d.frames / d.vcpus));
    const first = area.MAPCACHE_VIRT_START + n * area.MAPCACHE_VCPU_ENTRIES;
    map(first, d.memory + d.frames - cached * (n + 1), cached);
    if (root !== 0) map(first + cached, root, 1);
  }
  if (vcpuState === "own") map(area.VCPU_STATE_VIRT_START, state, size.VCPU_STATE_FRAMES);
  if (vcpuState === "domain")
    d.states.forEach((vcpu, i) =>
      map(area.VCPU_STATE_VIRT_START + i * size.VCPU_STATE_FRAMES, vcpu.state, size.VCPU_STATE_FRAMES),
    );
  if (domainState === "domain") map(area.DOMAIN_STATE_VIRT_START, d.heap, size.DOMAIN_HEAP_FRAMES);
  if (pcpu !== undefined) map_own_pcpu(b, config, l3, pcpu);
}

/** The root that Xen writes for vCPU `n`: its own, or that of its pCPU; 0 without. */
function root_of({ root }: HostConfig, d: DomainFrames, n: number, pcpu: Pcpu | undefined): number {
  if (d.type !== "pv64") return 0;
  return root.inGuest === "pcpu" ? (pcpu?.root_pgt ?? 0) : d.states[n]!.root;
}

/** Mirrors: FIRST_RESERVED_GDT_PAGE, public/arch-x86/xen.h; MAPHASH_ENTRIES, asm/domain.h. */
const FIRST_RESERVED_GDT_PAGE = 14;
const MAPHASH_ENTRIES = 8;
