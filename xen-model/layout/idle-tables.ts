/**
 * idle_pg_table: Xen's own address space, from which all other L4s get their Xen slots.
 *
 * Mirrors: paging_init(), x86_64/mm.c; init_frametable(); the boot-time directmap (setup.c); init_xen_l4_slots(), mm.c.
 * Differs: the directmap is one piece, without the holes of PCI; guard pages of stacks and the init sections are left mapped;
 *          M2P and frame table are contiguous. NX of the image is by section.
 */
import type { Mfn } from "../../abi/frames.js";
import {
  DIRECTMAP_SLOT,
  LINEAR_PT_SLOT,
  PCI_MCFG_SLOT,
  PERDOMAIN_SLOT,
  RO_MPT_SLOT,
  ROOT_PAGETABLE_FIRST_XEN_SLOT,
  ROOT_PAGETABLE_LAST_XEN_SLOT,
  XEN_VIRT_SLOT,
} from "../../abi/layout.js";
import { _PAGE_PCD, LEVEL_PAGES } from "../../abi/page.js";
import * as area from "./areas.js";
import type { HostConfig } from "./host-config.js";
import * as size from "./sizes.js";
import { RO, RW, RX, type TableBuilder, USER_RO, USER_TABLE } from "./table-builder.js";

/** Frames below 4 GiB are mapped with 2 MiB pages, the first of them with 4 KiB ones. */
const BELOW_4GIB = 4 * LEVEL_PAGES[3];

export interface IdleTables {
  readonly l4: Mfn;
  /** The L2 whose last slots are those of a 32-bit guest's read-only M2P. Mirrors: compat_idle_pg_table_l2. */
  readonly compat_l2: Mfn;
  /** First frame of the image. */
  readonly image: Mfn;
}

/** Build all of it but what is allocated later: Xen heap pages without a directmap, stubs. */
export function build_idle_tables(b: TableBuilder, config: HostConfig): IdleTables {
  const { nrFrames, options } = config;
  const l4 = b.alloc();
  const image = map_image(b, l4, options);
  const compat_l2 = map_m2p(b, l4, nrFrames);
  const frametable = size.table_frames(nrFrames, size.PAGE_INFO_BYTES);
  const info = b.map.alloc("frametable", frametable, {}, superpage(frametable));
  b.map_pages(l4, area.FRAMETABLE_VIRT_START, info, frametable, RW);
  const mmcfg = Math.ceil(nrFrames / LEVEL_PAGES[3]) * LEVEL_PAGES[3]; // above all memory
  b.map_pages(l4, area.PCI_MCFG_VIRT_START, mmcfg, size.MMCFG_FRAMES, RW | _PAGE_PCD);
  map_directmap(b, l4, nrFrames, options.directmap);
  if (options.linearMap) b.mem.set(l4, LINEAR_PT_SLOT, l4, RW);
  return { l4, compat_l2, image };
}

/**
 * Text, rodata, data; what pCPU 0 boots on lies in the last: its stack, which Xen uses by its address in the directmap, and its
 * per-CPU area. Once allocated, their places in the image are no longer used.
 */
function map_image(b: TableBuilder, l4: Mfn, { percpu, bootPercpu }: HostConfig["options"]): Mfn {
  const section = size.IMAGE_SECTION_FRAMES;
  const image = b.map.alloc("image", 2 * section, {}, section);
  const inImage = bootPercpu === "image";
  const data = image + 2 * section;
  const boot = size.STACK_FRAMES + size.PERCPU_FRAMES;
  if (inImage) {
    b.map.alloc("stack", size.STACK_FRAMES, { index: 0, heap: percpu === "shared" });
    b.map.alloc("percpu", size.PERCPU_FRAMES, { index: 0 });
  }
  b.map.alloc("image", section - (inImage ? boot : 0));
  const at = area.XEN_VIRT_START + size.IMAGE_OFFSET_FRAMES;
  b.map_pages(l4, at, image, section, RX);
  b.map_pages(l4, at + section, image + section, section, RO);
  b.map_pages(l4, at + 2 * section, data, section, RW);
  return image;
}

/** The machine-to-phys tables, for Xen and read-only for guests. Returns compat_idle_pg_table_l2. */
function map_m2p(b: TableBuilder, l4: Mfn, nrFrames: number): Mfn {
  const frames = size.table_frames(nrFrames, size.M2P_BYTES);
  const m2p = b.map.alloc("m2p", frames, {}, superpage(frames));
  b.map_pages(l4, area.RDWR_MPT_VIRT_START, m2p, frames, RW);
  b.map_pages(l4, area.RO_MPT_VIRT_START, m2p, frames, USER_RO, { upper: USER_TABLE });
  const compatFrames = Math.min(size.table_frames(nrFrames, size.COMPAT_M2P_BYTES), LEVEL_PAGES[3]);
  const compat = b.map.alloc("m2p", compatFrames, {}, LEVEL_PAGES[2]);
  b.map_pages(l4, area.RDWR_COMPAT_MPT_VIRT_START, compat, compatFrames, RW, { largest: 2 });
  const compat_l2 = b.alloc();
  const slots = Math.min(compatFrames / LEVEL_PAGES[2], size.COMPAT_M2P_SLOTS);
  const first = 511 - slots; // the table ends at MACH2PHYS_COMPAT_VIRT_END
  b.map_pages_in_l2(compat_l2, first, compat, slots, RX);
  return compat_l2;
}

/** The region's L3 tables are there before anything is mapped, so that all L4s share them. */
function map_directmap(b: TableBuilder, l4: Mfn, nrFrames: number, whole: boolean): void {
  for (let frame = 0; frame < nrFrames; frame += LEVEL_PAGES[4])
    b.below(l4, DIRECTMAP_SLOT + frame / LEVEL_PAGES[4], RW);
  if (!whole) return;
  const pieces = [0, LEVEL_PAGES[2], BELOW_4GIB, Infinity] as const;
  for (const [i, largest] of ([1, 2, 3] as const).entries()) {
    const first = pieces[i]!;
    const count = Math.min(nrFrames, pieces[i + 1]!) - first;
    if (count > 0) b.map_pages(l4, area.DIRECTMAP_VIRT_START + first, first, count, RW, { largest });
  }
}

/** Alignment that lets the largest pages be used. */
function superpage(frames: number): number {
  return frames >= LEVEL_PAGES[3] ? LEVEL_PAGES[3] : LEVEL_PAGES[2];
}

/**
 * Fill Xen's slots of `l4`: for a PV guest up to 271, else (`external`) the whole directmap, and slot 4 for all but a 64-bit
 * PV guest (`alt`).
 */
export function init_xen_l4_slots(
  b: TableBuilder,
  { idle, l4, perdomain_l3, options, roMpt, external, alt }: L4Slots,
): void {
  const { mem } = b;
  const last = external ? area.DIRECTMAP_LAST_SLOT : ROOT_PAGETABLE_LAST_XEN_SLOT;
  for (let slot = ROOT_PAGETABLE_FIRST_XEN_SLOT; slot <= last; slot++) mem.set(l4, slot, 0, 0);
  const copy = (slot: number): void => mem.set(l4, slot, mem.frame(idle, slot), mem.flags(idle, slot));
  if (roMpt) copy(RO_MPT_SLOT);
  copy(PCI_MCFG_SLOT);
  if (options.linearMap) mem.set(l4, LINEAR_PT_SLOT, l4, RW);
  mem.set(l4, PERDOMAIN_SLOT, perdomain_l3, RW);
  if (alt) mem.set(l4, area.PERDOMAIN_ALT_SLOT, perdomain_l3, RW);
  for (let slot = XEN_VIRT_SLOT; slot <= last; slot++) copy(slot);
}

export interface L4Slots {
  readonly idle: Mfn;
  readonly l4: Mfn;
  readonly perdomain_l3: Mfn;
  readonly options: HostConfig["options"];
  readonly roMpt: boolean;
  readonly external: boolean;
  readonly alt: boolean;
}
