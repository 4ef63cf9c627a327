/**
 * The processor's pagetable walk: from a root to the frame of an address, or to the fault it raises.
 *
 * One text for 4-level and 5-level paging and for PAE, in the manual's order: at each level the entry is fetched, its
 * present bit and reserved bits are looked at, and its rights join those above; access rights are judged only
 * when a leaf is reached.
 *
 * Mirrors: SDM vol. 3A, 4.4 (PAE), 4.5 (4-level and 5-level), 4.6 (access rights), 4.7 (error code), 4.8 (A and D).
 * Differs: no protection keys for supervisor pages (PKS), no shadow stacks, no nested paging; an entry fetched
 *          from beyond the machine's tables reads as zero. Accessed flags are set on the way down, so a walk
 *          that faults leaves them in the entries above the one that ended it, as the manual permits.
 */
import type { PtMemory } from "../../abi/memory.js";
import {
  _PAGE_ACCESSED,
  _PAGE_DIRTY,
  _PAGE_NX,
  _PAGE_PRESENT,
  _PAGE_PSE,
  _PAGE_RW,
  _PAGE_USER,
  PFEC_insn_fetch,
  PFEC_page_present,
  PFEC_prot_key,
  PFEC_reserved_bit,
  PFEC_user_mode,
  PFEC_write_access,
} from "../../abi/page.js";

/** Kinds of access. */
export const ACCESS_READ = 0;
export const ACCESS_WRITE = 1;
export const ACCESS_EXEC = 2;

/** What a walk answers when it ends in a frame; otherwise the page-fault error code. */
export const WALK_OK = -1;

/** Bits 62:59 of a leaf, in the 24 flags. */
const PKEY_SHIFT = 19;
/** In PAE entries bits 62:52 are reserved: all of the high flags but NX. */
const PAE_RESERVED_FLAGS = 0x7ff000;
/** A 2 MiB leaf has frame bits 8:1 reserved, a 1 GiB leaf 17:1; frame bit 0 is the PAT bit there. */
const RESERVED_2M = 0x1fe;
const RESERVED_1G = 0x3fffe;

/**
 * Control state of the processor that decides how a walk goes.
 *
 * The masks say which frame bits are beyond MAXPHYADDR; set them with set_maxphyaddr().
 */
export class WalkControl {
  /** 3: PAE, 4 or 5: levels of 64-bit mode. */
  levels = 4;
  /** CR0.WP, CR4.SMEP, CR4.SMAP, EFER.NXE, CR4.PKE. */
  wp = true;
  smep = false;
  smap = false;
  nxe = true;
  pke = false;
  pkru = 0;
  /** RFLAGS.AC: supervisor accesses to user pages are permitted under SMAP. */
  ac = false;
  /** CPL 3: accesses are user-mode ones. */
  user = false;
  /** PAE: the four PDPTE registers, as (frame, flags). */
  readonly pdpte = new Uint32Array(8);
  reservedLow = 0;
  reservedHigh = 0;

  /** Reserve the frame bits from MAXPHYADDR (32..52) up. */
  set_maxphyaddr(bits: number): void {
    const low = Math.min(bits - 12, 32);
    this.reservedLow = low === 32 ? 0 : -(2 ** low) >>> 0;
    const high = Math.max(bits - 44, 0);
    this.reservedHigh = (0xff << high) & 0xff;
  }
}

/** Where a walk went: reused by its caller. Shape: indexes 1..5 are levels. */
export class Walk {
  /** Frame of the access (within a superpage, the 4 KiB frame of the address). */
  frame = 0;
  /** Level of the leaf, or where the walk ended: 1..5. */
  level = 0;
  /** _PAGE_RW and _PAGE_USER in all entries; _PAGE_NX in any. */
  rights = 0;
  readonly table = new Float64Array(6);
  readonly slot = new Uint16Array(6);
}

/**
 * Walk from `root` for one access to page `vpn` (of 36 bits, 45 with five levels, 20 under PAE).
 * Returns WALK_OK and out.frame, or the error code of the page fault; sets A and D in `mem`.
 */
export function walk(mem: PtMemory, c: WalkControl, root: number, vpn: number, access: number, out: Walk): number {
  const { words, nrTables, ptes } = mem;
  const last = ptes - 1;
  const bits = 31 - Math.clz32(ptes);
  const error =
    (c.user ? PFEC_user_mode : 0) |
    (access === ACCESS_WRITE ? PFEC_write_access : 0) |
    (access === ACCESS_EXEC && (c.nxe || c.smep) ? PFEC_insn_fetch : 0);
  const reservedFlags = (c.nxe ? 0 : _PAGE_NX) | (c.levels === 3 ? PAE_RESERVED_FLAGS : 0);
  const { reservedLow, reservedHigh } = c;
  let table = root;
  let level = c.levels;
  let rights = _PAGE_RW | _PAGE_USER; // intersected on the way down; NX is collected

  if (level === 3) {
    // PDPTEs were checked, and put into registers, when CR3 was loaded
    const register = (vpn >>> 18) * 2;
    out.level = 3;
    if ((c.pdpte[register + 1]! & _PAGE_PRESENT) === 0) return error;
    table = c.pdpte[register]!;
    level = 2;
  }

  for (; ; level--) {
    const slot = level < 4 ? (vpn >>> (bits * (level - 1))) & last : Math.floor(vpn / 2 ** (bits * (level - 1))) & last;
    out.level = level;
    out.table[level] = table;
    out.slot[level] = slot;
    if (table >= nrTables) return error;
    const at = (table * ptes + slot) * 2;
    const low = words[at]!;
    const high = words[at + 1]!;
    if ((high & _PAGE_PRESENT) === 0) return error;

    let reserved = (low & reservedLow) | ((high >>> 24) & reservedHigh) | (high & reservedFlags);
    const leaf = level === 1 || (level < 4 && (high & _PAGE_PSE) !== 0);
    if (level > 1 && (high & _PAGE_PSE) !== 0) {
      if (level === 2) reserved |= low & RESERVED_2M;
      else if (level === 3) reserved |= low & RESERVED_1G;
      else reserved |= _PAGE_PSE;
    }
    if (reserved !== 0) return error | PFEC_page_present | PFEC_reserved_bit;
    rights = (rights & high & (_PAGE_RW | _PAGE_USER)) | ((rights | high) & _PAGE_NX);

    if (!leaf) {
      if ((high & _PAGE_ACCESSED) === 0) words[at + 1] = high | _PAGE_ACCESSED;
      table = low + (high >>> 24) * 2 ** 32;
      continue;
    }

    const denied = access_denied(c, rights, access);
    const key = c.pke && c.levels !== 3 ? key_denied(c, rights, access, (high >>> PKEY_SHIFT) & 15) : false;
    if (denied || key) return error | PFEC_page_present | (key ? PFEC_prot_key : 0);

    const mark = _PAGE_ACCESSED | (access === ACCESS_WRITE ? _PAGE_DIRTY : 0);
    if ((high & mark) !== mark) words[at + 1] = high | mark;
    const frame = low + (high >>> 24) * 2 ** 32;
    const pages = 2 ** (bits * (level - 1));
    out.frame = level === 1 ? frame : frame - (frame % pages) + (vpn % pages);
    out.rights = rights;
    return WALK_OK;
  }
}

/** SDM vol. 3A, 4.6.1: rights by U/S, R/W and XD, with WP, SMEP and SMAP. */
function access_denied(c: WalkControl, rights: number, access: number): boolean {
  const userPage = (rights & _PAGE_USER) !== 0;
  const noExec = c.nxe && (rights & _PAGE_NX) !== 0;
  if (c.user) {
    if (!userPage) return true;
    if (access === ACCESS_WRITE) return (rights & _PAGE_RW) === 0;
    return access === ACCESS_EXEC && noExec;
  }
  if (access === ACCESS_EXEC) return noExec || (userPage && c.smep);
  if (userPage && c.smap && !c.ac) return true;
  return access === ACCESS_WRITE && c.wp && (rights & _PAGE_RW) === 0;
}

/** SDM vol. 3A, 4.6.2: PKRU, two bits a key: no access, no write. Data accesses to user pages only. */
function key_denied(c: WalkControl, rights: number, access: number, key: number): boolean {
  if (access === ACCESS_EXEC || (rights & _PAGE_USER) === 0) return false;
  const denies = (c.pkru >>> (2 * key)) & 3;
  if ((denies & 1) !== 0) return true;
  return (denies & 2) !== 0 && access === ACCESS_WRITE && (c.user || c.wp);
}

/** Bits of a present PDPTE that must be zero: 2:1, 8:5; and 63:MAXPHYADDR. */
const PDPTE_RESERVED = 0x1e6 | 0xfff000;

/**
 * MOV to CR3 under PAE: load the four PDPTE registers from `first`, a slot of frame `table`.
 * Returns false for #GP: a present one has reserved bits, and the registers are left as they were.
 *
 * Mirrors: SDM vol. 3A, 4.4.1.
 */
export function load_pdptes(mem: PtMemory, c: WalkControl, table: number, first: number): boolean {
  for (let i = 0; i < 4; i++) {
    const flags = mem.flags(table, first + i);
    if ((flags & _PAGE_PRESENT) === 0) continue;
    const frame = mem.frame(table, first + i);
    const high = Math.floor(frame / 2 ** 32);
    if ((flags & PDPTE_RESERVED) !== 0 || (frame & c.reservedLow) !== 0 || (high & c.reservedHigh) !== 0) return false;
  }
  for (let i = 0; i < 4; i++) {
    c.pdpte[2 * i] = mem.frame(table, first + i);
    c.pdpte[2 * i + 1] = mem.flags(table, first + i);
  }
  return true;
}
