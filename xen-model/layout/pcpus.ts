/**
 * What each pCPU has of its own: stack, per-CPU area, descriptor tables, stub, XPTI's root_pgt, its idle L4.
 *
 * Mirrors: cpu_smpboot_alloc(), cpu_alloc_stack(), assign_stub_page(), clone_mapping(), setup_cpu_root_pgt(), smpboot.c
 *          (facts/xen.md 3.1).
 * Differs: GDT and IDT of pCPU 0 are allocated as those of others; in Xen they lie in its image.
 */
import type { Mfn } from "../../abi/frames.js";
import { LINEAR_PT_SLOT, PERDOMAIN_SLOT, RO_MPT_SLOT, XEN_VIRT_SLOT } from "../../abi/layout.js";
import type { PtMemory } from "../../abi/memory.js";
import { _PAGE_GLOBAL, _PAGE_PRESENT, _PAGE_PSE, LEVEL_PAGES } from "../../abi/page.js";
import * as area from "./areas.js";
import { hasOwnSlots, type HostConfig, XEN_LAYOUT_RULES } from "./host-config.js";
import type { IdleTables } from "./idle-tables.js";
import * as size from "./sizes.js";
import { RW, RX, slot_of, TABLE, type TableBuilder } from "./table-builder.js";

/** Frames of one pCPU. */
export interface Pcpu {
  readonly stack: Mfn;
  /** Its first frame is the TSS page. */
  readonly percpu: Mfn;
  readonly gdt: Mfn;
  readonly idt: Mfn;
  readonly stub: Mfn;
  /** XPTI's root; 0 without. */
  readonly root_pgt: Mfn;
}

/** Take the frames of all pCPUs. What is its own L4's only, is no Xen heap. */
export function alloc_pcpus(b: TableBuilder, config: HostConfig, idle: IdleTables): Pcpu[] {
  const heap = config.options.percpu === "shared";
  const pcpus: Pcpu[] = [];
  for (let index = 0; index < config.nrPcpus; index++) {
    const { STACK_FRAMES, PERCPU_FRAMES, DESCRIPTOR_FRAMES, STUBS_PER_PAGE } = size;
    const inImage = index === 0 && config.options.bootPercpu === "image";
    const boot = (idle.image + 2 * size.IMAGE_SECTION_FRAMES) as Mfn; // see map_image()
    const stack = inImage ? boot : b.map.alloc("stack", STACK_FRAMES, { index, heap }, STACK_FRAMES);
    const percpu = inImage
      ? ((boot + STACK_FRAMES) as Mfn)
      : b.map.alloc("percpu", PERCPU_FRAMES, { index, heap });
    const gdt = b.map.alloc("percpu", DESCRIPTOR_FRAMES, { index, heap });
    const stub = index % STUBS_PER_PAGE === 0 ? b.map.alloc("image", 1) : pcpus[index - 1]!.stub;
    const root_pgt =
      config.root.inGuest === "pcpu"
        ? b.alloc("pagetable", { index, heap: config.options.roots === "xenheap" })
        : (0 as Mfn);
    pcpus.push({ stack, percpu, gdt, idt: (gdt + 2) as Mfn, stub, root_pgt });
  }
  return pcpus;
}

/** First page of a pCPU's stub. */
function stub_page(pcpu: number): number {
  return area.XEN_VIRT_END - size.FIXADDR_X_FRAMES - (pcpu + 1);
}

/** Map the stubs, in the image's GiB. */
export function map_stubs(b: TableBuilder, idle: IdleTables, pcpus: readonly Pcpu[]): void {
  pcpus.forEach(({ stub }, pcpu) => b.map_pages(idle.l4, stub_page(pcpu), stub, 1, RX));
}

/** XPTI's roots, but for what is switched with the vCPU (slot 260) and copied from its L4. */
export function setup_root_pgts(
  b: TableBuilder,
  config: HostConfig,
  idle: IdleTables,
  pcpus: readonly Pcpu[],
): void {
  const { mem } = b;
  const { clone_stubs } = config.rules ?? XEN_LAYOUT_RULES;
  let common_pgt: Mfn | undefined;
  pcpus.forEach(({ root_pgt, stack, percpu, idt }, pcpu) => {
    mem.set(root_pgt, RO_MPT_SLOT, mem.frame(idle.l4, RO_MPT_SLOT), mem.flags(idle.l4, RO_MPT_SLOT));
    if (common_pgt === undefined) {
      const text = area.XEN_VIRT_START + size.IMAGE_OFFSET_FRAMES;
      for (let page = text; page < text + size.TEXT_ENTRY_FRAMES; page++)
        clone_mapping(b, idle.l4, root_pgt, page);
      common_pgt = mem.frame(root_pgt, XEN_VIRT_SLOT) as Mfn;
      if (!clone_stubs) splice_stubs(b, idle.l4, common_pgt);
    }
    mem.set(root_pgt, XEN_VIRT_SLOT, common_pgt, TABLE);
    const in_directmap = (mfn: number): void =>
      clone_mapping(b, idle.l4, root_pgt, area.DIRECTMAP_VIRT_START + mfn);
    for (let i = 0; i < size.STACK_FRAMES; i++) in_directmap(stack + i);
    in_directmap(idt);
    if (pcpu > 0 || config.options.bootPercpu === "allocated") in_directmap(percpu);
    else clone_mapping(b, idle.l4, root_pgt, image_page(idle, percpu));
    if (clone_stubs) clone_mapping(b, idle.l4, root_pgt, stub_page(pcpu));
  });
}

/** The image's own address of one of its frames. */
function image_page({ image }: IdleTables, mfn: number): number {
  return area.XEN_VIRT_START + size.IMAGE_OFFSET_FRAMES + (mfn - image);
}

/** Map in `root` the one page `vpn` as the idle tables do, with a 4 KiB entry that is not global. */
function clone_mapping(b: TableBuilder, idle: Mfn, root: Mfn, vpn: number): void {
  const leaf = leaf_of(b.mem, idle, vpn);
  if (leaf === undefined) return;
  b.map_pages(root, vpn, leaf.frame, 1, leaf.flags & ~(_PAGE_GLOBAL | _PAGE_PSE));
}

function leaf_of(mem: PtMemory, root: Mfn, vpn: number): { frame: number; flags: number } | undefined {
  let table: number = root;
  for (let level = 4; level > 0; level--) {
    const flags = mem.flags(table, slot_of(vpn, level));
    const frame = mem.frame(table, slot_of(vpn, level));
    if ((flags & _PAGE_PRESENT) === 0) return undefined;
    if (level === 1 || (level < 4 && (flags & _PAGE_PSE) !== 0))
      return { frame: frame + (vpn % LEVEL_PAGES[level]!), flags };
    table = frame;
  }
  return undefined;
}

/** As 422588e885 did: the L3 entry that maps the stubs is that of the whole image. */
function splice_stubs({ mem }: TableBuilder, idle: Mfn, common_l3: Mfn): void {
  const slot = slot_of(area.XEN_VIRT_END - 1, 3);
  const l3 = mem.frame(idle, XEN_VIRT_SLOT);
  mem.set(common_l3, slot, mem.frame(l3, slot), mem.flags(l3, slot));
}

/**
 * The L4s that pCPUs idle on: idle_pg_table for all, or where stacks are mapped in their own pCPU's L4s only, a copy each.
 *
 * Mirrors: ASI v1, 15/22 (facts/xen.md 4.4), for the copies.
 */
export function idle_roots(
  b: TableBuilder,
  config: HostConfig,
  idle: IdleTables,
  pcpus: readonly Pcpu[],
): Mfn[] {
  return pcpus.map((pcpu) => {
    if (!hasOwnSlots(config.options)) return idle.l4;
    const l4 = b.alloc("pagetable");
    b.mem.copy_page(l4, idle.l4);
    if (config.options.linearMap) b.mem.set(l4, LINEAR_PT_SLOT, l4, RW);
    const l3 = b.alloc("pagetable");
    b.mem.set(l4, PERDOMAIN_SLOT, l3, RW);
    map_own_pcpu(b, config, l3, pcpu);
    return l4;
  });
}

/** Map the stack and per-CPU data of `pcpu` below `l3`, that of a slot 260. */
export function map_own_pcpu(b: TableBuilder, { options }: HostConfig, l3: Mfn, pcpu: Pcpu): void {
  if (options.percpu !== "own") return;
  let page: number = area.PERCPU_VIRT_START;
  const map = (mfn: number, frames: number): void => {
    b.map_below_l3(l3, page, mfn, frames, RW);
    page += frames;
  };
  map(pcpu.stack, size.STACK_FRAMES);
  map(pcpu.percpu, size.PERCPU_FRAMES);
  map(pcpu.gdt, size.DESCRIPTOR_FRAMES);
}
