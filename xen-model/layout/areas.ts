/**
 * Where Xen's address space has what: the areas of slots 256 to 510, in pages.
 *
 * Mirrors: the layout comment and constants of xen/arch/x86/include/asm/config.h (no BIGMEM); per-domain areas:
 *          PERDOMAIN_VIRT_SLOT(), GDT_LDT_*, MAPCACHE_*, ARG_XLAT_*.
 * Differs: PERCPU, VCPU_STATE and DOMAIN_STATE, the per-domain slots 3 to 5, are no area of Xen's yet: they stand for what a
 *          secret-free Xen maps in one L4, or for one domain, only (facts/xen.md 4.3).
 */
import type { Vpn } from "../../abi/frames.js";
import { DIRECTMAP_SLOT, PERDOMAIN_SLOT, RO_MPT_SLOT, XEN_VIRT_SLOT } from "../../abi/layout.js";
import { LEVEL_PAGES } from "../../abi/page.js";

const L4_PAGES = LEVEL_PAGES[4];
const GB = LEVEL_PAGES[3];

/** The slot of a 32-bit or HVM domain that mirrors PERDOMAIN_SLOT. Mirrors: PERDOMAIN_ALT_VIRT_START. */
export const PERDOMAIN_ALT_SLOT = 4;
/** Last slot of the directmap that HVM and idle vCPUs have. Mirrors: DIRECTMAP_VIRT_END. */
export const DIRECTMAP_LAST_SLOT = 510;

/** First page of each area. */
export const RO_MPT_VIRT_START = page(RO_MPT_SLOT);
export const PCI_MCFG_VIRT_START = page(257);
export const GDT_LDT_VIRT_START = page(PERDOMAIN_SLOT);
export const MAPCACHE_VIRT_START = page(PERDOMAIN_SLOT, 1);
export const ARG_XLAT_VIRT_START = page(PERDOMAIN_SLOT, 2);
export const PERCPU_VIRT_START = page(PERDOMAIN_SLOT, 3);
export const VCPU_STATE_VIRT_START = page(PERDOMAIN_SLOT, 4);
export const DOMAIN_STATE_VIRT_START = page(PERDOMAIN_SLOT, 5);
export const RDWR_MPT_VIRT_START = page(XEN_VIRT_SLOT);
export const VMAP_VIRT_START = page(XEN_VIRT_SLOT, 256);
export const RDWR_COMPAT_MPT_VIRT_START = page(XEN_VIRT_SLOT, 320);
export const XEN_VIRT_START = page(XEN_VIRT_SLOT, 321);
export const XEN_VIRT_END = page(XEN_VIRT_SLOT, 322);
export const FRAMETABLE_VIRT_START = page(XEN_VIRT_SLOT, 384);
export const DIRECTMAP_VIRT_START = page(DIRECTMAP_SLOT);

/** Pages between a vCPU's GDT and the next one's: 16 of GDT and 16 of LDT. Mirrors: GDT_LDT_VCPU_SHIFT. */
export const GDT_LDT_VCPU_PAGES = 32;
/** Entries of the mapcache for each vCPU. Mirrors: MAPCACHE_VCPU_ENTRIES. */
export const MAPCACHE_VCPU_ENTRIES = 16;
/** Pages between two vCPUs' argument areas, two of them used. Mirrors: ARG_XLAT_VA_SHIFT, COMPAT_ARG_XLAT_SIZE. */
export const ARG_XLAT_VCPU_PAGES = 4;
export const ARG_XLAT_PAGES = 2;
/** Frames that a PV guest's ten slots of directmap reach: 5 TiB. */
export const SHORT_DIRECTMAP_FRAMES = 10 * L4_PAGES;

/** First page of an L4 slot, or of the L3 slot in it. */
function page(l4: number, l3 = 0): Vpn {
  return (l4 * L4_PAGES + l3 * GB) as Vpn;
}

export interface Area {
  readonly name: string;
  readonly what: string;
  readonly first: number;
  /** The page behind it. */
  readonly end: number;
  /** The change that made it what it is, as far as a commit or posting is known. */
  readonly since: string;
}

const area = (name: string, first: number, end: number, what: string, since: string): Area => ({
  name,
  what,
  first,
  end,
  since,
});

/** The first 64-bit Xen had the area, if not its present address. */
const FIRST_64_BIT = "7f68576b77 (2004-06-10), the first 64-bit layout";

/** All areas, by address. What none covers is the guest's. */
export const AREAS: readonly Area[] = [
  area(
    "RO_MPT",
    RO_MPT_VIRT_START,
    PCI_MCFG_VIRT_START,
    "machine-to-phys table, readable by guests",
    FIRST_64_BIT,
  ),
  area("PCI_MCFG", PCI_MCFG_VIRT_START, page(258), "PCI MMCONFIG", "3b35911d70 (2009-06-02)"),
  area(
    "LINEAR_PT",
    page(258),
    page(259),
    "linear pagetable: the L4 maps itself",
    `${FIRST_64_BIT}; each L2+ edit flushes for it since 16a20963b3 (XSA-286, 2020-10-19)`,
  ),
  area("SH_LINEAR_PT", page(259), page(260), "linear pagetable of shadow mode", FIRST_64_BIT),
  area(
    "GDT_LDT",
    GDT_LDT_VIRT_START,
    MAPCACHE_VIRT_START,
    "GDTs and LDTs of all vCPUs of the domain",
    "703ac3abcf (2013-02-28), per domain; ASI v2 (posted 2025-01-08, not merged) makes it per vCPU",
  ),
  area(
    "MAPCACHE",
    MAPCACHE_VIRT_START,
    ARG_XLAT_VIRT_START,
    "map_domain_page() of all vCPUs of the domain",
    "4b28bf6ae9 (2013-01-23), per domain; a per-vCPU one was posted in Feb 2020, and not merged",
  ),
  area(
    "ARG_XLAT",
    ARG_XLAT_VIRT_START,
    PERCPU_VIRT_START,
    "compat argument translation",
    "703ac3abcf (2013-02-28)",
  ),
  area(
    "PERCPU",
    PERCPU_VIRT_START,
    VCPU_STATE_VIRT_START,
    "stack and per-CPU data of the pCPU that has this L4",
    "no area of Xen's yet",
  ),
  area(
    "VCPU_STATE",
    VCPU_STATE_VIRT_START,
    DOMAIN_STATE_VIRT_START,
    "registers and FPU state of the vCPU that has this L4, or of all vCPUs of its domain",
    "no area of Xen's yet; de742b2d7c (2025-03-05) has the map and unmap calls for the FPU state",
  ),
  area(
    "DOMAIN_STATE",
    DOMAIN_STATE_VIRT_START,
    page(PERDOMAIN_SLOT, 6),
    "struct domain, grant tables and event channels of the domain that has this L4",
    "no area of Xen's yet, and not posted",
  ),
  area("RDWR_MPT", RDWR_MPT_VIRT_START, VMAP_VIRT_START, "machine-to-phys table", FIRST_64_BIT),
  area(
    "VMAP",
    VMAP_VIRT_START,
    RDWR_COMPAT_MPT_VIRT_START,
    "vmap(), ioremap(), fixmap",
    "d0d4635d03 (2012-11-22)",
  ),
  area(
    "RDWR_COMPAT_MPT",
    RDWR_COMPAT_MPT_VIRT_START,
    XEN_VIRT_START,
    "machine-to-phys table of 32-bit guests",
    FIRST_64_BIT,
  ),
  area(
    "XEN",
    XEN_VIRT_START,
    XEN_VIRT_END,
    "Xen's text, data, bss, and stubs",
    `${FIRST_64_BIT}; in root_pgt only .text.entry and stubs since 422588e885 and d1d6fc97d6 (2018-03-06)`,
  ),
  area(
    "FRAMETABLE",
    FRAMETABLE_VIRT_START,
    DIRECTMAP_VIRT_START,
    "struct page_info of all frames",
    FIRST_64_BIT,
  ),
  area(
    "DIRECTMAP",
    DIRECTMAP_VIRT_START,
    page(DIRECTMAP_LAST_SLOT + 1),
    "all of memory, 1:1",
    `${FIRST_64_BIT}; not in root_pgt (5784de3e20, 2018-01-16); its removal, v5 of 2025-01-08, is not merged`,
  ),
];

/** The area that page `vpn` is in; undefined for the guest's part of a 64-bit PV guest's address space. */
export function area_of(vpn: Vpn): Area | undefined {
  return AREAS.find(({ first, end }) => vpn >= first && vpn < end);
}
