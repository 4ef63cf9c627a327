/**
 * The processor's pagetable walk: from a root to the page of an address, or to the fault that it raises.
 *
 * One text for PAE, 4-level and 5-level paging, in the manual's order. At each level the entry is fetched, P and
 * the reserved bits are judged, and its rights join those above; the rights themselves are judged at the leaf.
 *
 * Mirrors: SDM vol. 3A, 4.4 (PAE), 4.5 (4-level, 5-level), 4.6 (rights), 4.7 (error code), 4.8 (A and D).
 * Differs: tables from nrTables on read as zero (abi/memory.ts). A walk that faults has set A in the entries above
 *          the one that ended it, as the manual permits; paging-structure caches are not modelled.
 */
import type { Mfn, Vpn } from "../../abi/frames.js";
import type { PtMemory } from "../../abi/memory.js";
import {
  _PAGE_ACCESSED,
  _PAGE_DIRTY,
  _PAGE_NX,
  _PAGE_PRESENT,
  _PAGE_PSE,
  _PAGE_RW,
  _PAGE_USER,
  PFEC_page_present,
  PFEC_reserved_bit,
  PTES,
} from "../../abi/page.js";
import { _PAGE_PKEY, access_error, permits, rights_violation } from "./access-rights.js";
import { ACCESS_WRITE, type Access, type WalkControl } from "./control.js";

/** The answer of a walk that ends in a page; any other is the error code of the page fault. */
export const WALK_OK = -1;
/** The answer of canonical_vpn() for an address that has no vpn. */
export const NOT_CANONICAL = -1;

/** Where a walk went. Its caller owns it and reuses it; a fault leaves `frame`, `rights` and `leaf` as they were. */
export class Walk {
  /** Frame of the page; within a superpage, that of the address. May be outside RAM. */
  frame = 0 as Mfn;
  /** Where the walk ended: the level of the leaf, or of the entry that raised the fault. */
  level = 0;
  /** _PAGE_RW and _PAGE_USER of every entry, _PAGE_NX of any, _PAGE_PKEY of the leaf: see rights_violation(). */
  rights = 0;
  /** The leaf's second word, as the walk left it in memory. */
  leaf = 0;
  /** Of the entries above an l1e, what `rights` says of them: used_l1e(). */
  above = 0;
}

/** Entry bits 62:52 are reserved under PAE. */
const PAE_RESERVED = 0x7ff000;
/** Frame bit 0 of a superpage is its PAT bit. */
const SUPERPAGE_PAT = 1;
/** A frame number beyond every table, for the entries whose frame has more than 32 bits. */
const BEYOND = 0xffffffff;

/** The slots of levels 2 and 1 in a vpn, and what is left of it above them. */
const LOWER_MASK = PTES * PTES - 1;
const TO_UPPER = 1 / (PTES * PTES);
/** No answer of a walk; no entry. */
const NOT_PLAIN = 0x100;
export const NO_ENTRY = -1;
/** This module's own, for the fast form: an imported constant is three times as much bytecode at each use; see walk_4_levels(). */
const OK = WALK_OK;
const WRITE = ACCESS_WRITE;
const PRESENT = _PAGE_PRESENT;
const ACCESSED = _PAGE_ACCESSED;
const DIRTIED = _PAGE_ACCESSED | _PAGE_DIRTY;
const USED = _PAGE_PRESENT | _PAGE_ACCESSED;
const RW_USER = _PAGE_RW | _PAGE_USER;
const NX = _PAGE_NX;
const PKEY = _PAGE_PKEY;

/**
 * Walk from `root` (PAE: from the PDPTE registers) for one `access` to page `vpn`, whose bits above the
 * paging mode's are ignored. Returns WALK_OK with `out` filled and A and D set in memory, or the error code.
 */
export function walk(mem: PtMemory, c: WalkControl, root: Mfn, vpn: Vpn, access: Access, out: Walk): number {
  const tables = mem.nrTables < c.plain_frames ? mem.nrTables : c.plain_frames;
  if (c.levels === 4 && mem.ptes === PTES && !c.pke && root < tables) {
    const upper = vpn * TO_UPPER; // what an int cannot hold is cut off, and above bit 35 ignored
    const answer = walk_4_levels(mem.words, tables, c, root, upper | 0, vpn & LOWER_MASK, access, out);
    if (answer !== NOT_PLAIN) return answer;
  }
  return walk_beyond(mem, c, root, vpn, access, out);
}

/**
 * The fast form of walk_any(): 4 levels of 512 entries, all present, down to a 4 KiB page that permits the access.
 * Whatever else it meets it leaves to walk_beyond(): NOT_PLAIN, with nothing changed. `upper` and `lower` are the two
 * halves of the vpn, 18 bits each, so that every argument is a small integer; frames from `tables` on hold no table.
 *
 * walk(), this and what it calls have 750 bytes of bytecode together: V8 inlines up to 766 (920 / 1.2) where walk() is
 * called in a loop. Beyond that it takes 1.8 times as long, as a call costs as much as all four levels.
 */
function walk_4_levels(
  words: Uint32Array,
  tables: number,
  c: WalkControl,
  root: number,
  upper: number,
  lower: number,
  access: Access,
  out: Walk,
): number {
  const judged = c.judged_in_table;

  const at4 = (root << 10) | ((upper >>> 8) & 0x3fe);
  const l4e = words[at4]!;
  const flags4 = words[at4 | 1]!;
  if ((flags4 & judged) !== PRESENT || l4e >= tables) return NOT_PLAIN;

  const at3 = (l4e << 10) | ((upper << 1) & 0x3fe);
  const l3e = words[at3]!;
  const flags3 = words[at3 | 1]!;
  if ((flags3 & judged) !== PRESENT || l3e >= tables) return NOT_PLAIN;

  const at2 = (l3e << 10) | ((lower >>> 8) & 0x3fe);
  const l2e = words[at2]!;
  const flags2 = words[at2 | 1]!;
  if ((flags2 & judged) !== PRESENT || l2e >= tables) return NOT_PLAIN;

  const at1 = (l2e << 10) | ((lower << 1) & 0x3fe);
  const every = flags4 & flags3 & flags2;
  const answer = walk_l1e(words, c, at1, every, flags4 | flags3 | flags2, access, out);
  if (answer === OK && (every & ACCESSED) === 0) {
    set_accessed(words, at4);
    set_accessed(words, at3);
    set_accessed(words, at2);
  }
  return answer;
}

/** Its end: the l1e at `at`, behind entries that have set what `every` has, and `any`. */
function walk_l1e(
  words: Uint32Array,
  c: WalkControl,
  at: number,
  every: number,
  any: number,
  access: Access,
  out: Walk,
): number {
  const frame = words[at]!;
  const flags = words[at | 1]!;
  if ((flags & c.judged_in_leaf) !== PRESENT || (frame & c.reserved0) !== 0) return NOT_PLAIN;

  const rights = (every & flags & RW_USER) | ((any | flags) & NX);
  if (!permits(c.modes, access, rights)) return NOT_PLAIN;

  const leaf = flags | (access === WRITE ? DIRTIED : ACCESSED);
  if ((leaf ^ flags) !== 0) words[at | 1] = leaf;
  out.level = 1;
  out.frame = (frame + (flags >>> 24) * 2 ** 32) as Mfn;
  out.rights = rights | (flags & PKEY);
  out.leaf = leaf >>> 0;
  return OK;
}

function set_accessed(words: Uint32Array, at: number): void {
  words[at | 1]! |= ACCESSED;
}

/** What the fast form leaves: the fault that is met most, or anything else. */
function walk_beyond(mem: PtMemory, c: WalkControl, root: Mfn, vpn: Vpn, access: Access, out: Walk): number {
  const tables = mem.nrTables < c.plain_frames ? mem.nrTables : c.plain_frames;
  if (c.levels === 4 && mem.ptes === PTES && !c.pke && root < tables) {
    const answer = walk_to_l1_fault(mem.words, tables, c, root, vpn, access, out);
    if (answer !== NOT_PLAIN) return answer;
  }
  return walk_any(mem, c, root, vpn, access, out);
}

/** The fast form for an l1e that is absent or forbids the access, below entries that have been used before; else NOT_PLAIN. */
function walk_to_l1_fault(
  words: Uint32Array,
  tables: number,
  c: WalkControl,
  root: number,
  vpn: Vpn,
  access: Access,
  out: Walk,
): number {
  const at = used_l1e(words, tables, c, root, vpn, out);
  if (at === NO_ENTRY) return NOT_PLAIN;
  const flags = words[at | 1]!;
  let violation = 0;
  if ((flags & PRESENT) !== 0) {
    if ((flags & c.judged_in_leaf) !== PRESENT || (words[at]! & c.reserved0) !== 0) return NOT_PLAIN;
    violation = rights_violation(c, rights_with(out.above, flags) | (flags & PKEY), access);
    if (violation === 0) return NOT_PLAIN;
  }
  out.level = 1;
  return access_error(c, access) | violation;
}

/** Index of the l1e of `vpn`, below entries that a walk leaves as they are; out.above is what these grant. Else NO_ENTRY. */
function used_l1e(
  words: Uint32Array,
  tables: number,
  c: WalkControl,
  root: number,
  vpn: Vpn,
  out: Walk,
): number {
  const upper = (vpn * TO_UPPER) | 0;
  const lower = vpn & LOWER_MASK;
  const judged = c.judged_in_table | ACCESSED;

  const at4 = (root << 10) | ((upper >>> 8) & 0x3fe);
  const flags4 = words[at4 | 1]!;
  if ((flags4 & judged) !== USED || words[at4]! >= tables) return NO_ENTRY;
  const at3 = (words[at4]! << 10) | ((upper << 1) & 0x3fe);
  const flags3 = words[at3 | 1]!;
  if ((flags3 & judged) !== USED || words[at3]! >= tables) return NO_ENTRY;
  const at2 = (words[at3]! << 10) | ((lower >>> 8) & 0x3fe);
  const flags2 = words[at2 | 1]!;
  if ((flags2 & judged) !== USED || words[at2]! >= tables) return NO_ENTRY;
  out.above = (flags4 & flags3 & flags2 & RW_USER) | ((flags4 | flags3 | flags2) & NX);
  return (words[at2]! << 10) | ((lower << 1) & 0x3fe);
}

/** Rights of an l1e with `flags` below entries that grant `above`. */
function rights_with(above: number, flags: number): number {
  return (above & flags & RW_USER) | ((above | flags) & NX);
}

/**
 * Index of the first word of the l1e that walk() finds not present, if it ends there and leaves no mark; else NO_ENTRY, with nothing
 * changed either. For succeeds_at(), which is what walk() says when somebody has filled the entry.
 */
export function missing_l1e(mem: PtMemory, c: WalkControl, root: Mfn, vpn: Vpn, out: Walk): number {
  const at = l1e_of(mem, c, root, vpn, out);
  if (at === NO_ENTRY || (mem.words[at | 1]! & PRESENT) !== 0) return NO_ENTRY;
  out.level = 1;
  return at;
}

/** used_l1e(), where it can be asked. */
export function l1e_of(mem: PtMemory, c: WalkControl, root: Mfn, vpn: Vpn, out: Walk): number {
  const tables = mem.nrTables < c.plain_frames ? mem.nrTables : c.plain_frames;
  if (c.levels !== 4 || mem.ptes !== PTES || c.pke || root >= tables) return NO_ENTRY;
  return used_l1e(mem.words, tables, c, root, vpn, out);
}

/** Does walk() for a write find that the l1e of `vpn` forbids it, and maps `frame`, and leave no mark? */
export function maps_read_only(
  mem: PtMemory,
  c: WalkControl,
  root: Mfn,
  vpn: Vpn,
  frame: number,
  out: Walk,
): boolean {
  const at = l1e_of(mem, c, root, vpn, out);
  if (at === NO_ENTRY || mem.words[at] !== frame) return false;
  const judged = c.judged_in_leaf | _PAGE_RW;
  return (mem.words[at | 1]! & judged) === PRESENT && (frame & c.reserved0) === 0;
}

/** Does walk() now succeed at the l1e that missing_l1e() found, and leave no mark? Then `out` is as it leaves that. */
export function succeeds_at(mem: PtMemory, c: WalkControl, at: number, access: Access, out: Walk): boolean {
  const { words } = mem;
  const marked = access === WRITE ? DIRTIED : ACCESSED;
  if ((words[at | 1]! & marked) !== marked) return false;
  return walk_l1e(words, c, at, out.above, out.above, access, out) === OK;
}

/** The plain form of walk(): any paging mode, size of tables and pages, and every fault. */
export function walk_any(
  mem: PtMemory,
  c: WalkControl,
  root: Mfn,
  vpn: Vpn,
  access: Access,
  out: Walk,
): number {
  const { words, nrTables, ptes } = mem;
  const bits = 31 - Math.clz32(ptes); // of the address, that a level translates
  const upper = Math.floor(vpn / (ptes * ptes * ptes)); // slots of levels 4 and 5: bitwise operators see 32 bits
  const pae = c.levels === 3;
  const { reserved0 } = c;
  const reserved1 = c.reserved1 | (c.nxe ? 0 : _PAGE_NX) | (pae ? PAE_RESERVED : 0);
  const error = access_error(c, access);

  let table: number = root;
  let level: number = c.levels;
  if (pae) {
    const register = ((vpn >>> (2 * bits)) & 3) * 2;
    const word1 = c.pdpte[register + 1]!;
    out.level = 3;
    if ((word1 & _PAGE_PRESENT) === 0) return error;
    table = word1 >>> 24 === 0 ? c.pdpte[register]! : BEYOND;
    level = 2;
  }

  let every = _PAGE_RW | _PAGE_USER; // set in every entry so far
  let any = 0; // set in any
  for (; ; level--) {
    const slot = (level > 3 ? upper >>> (bits * (level - 4)) : vpn >>> (bits * (level - 1))) & (ptes - 1);
    out.level = level;
    if (table >= nrTables) return error;

    const at = (table * ptes + slot) * 2;
    const word0 = words[at]!;
    const word1 = words[at + 1]!;
    if ((word1 & _PAGE_PRESENT) === 0) return error;

    // Bit 7: reserved in levels 5 and 4, the page size in 3 and 2, the memory type in 1.
    const within = (1 << (bits * (level - 1))) - 1; // frame bits of a leaf that the address replaces
    const superpage = level > 1 && (word1 & _PAGE_PSE) !== 0;
    let reserved = (word0 & reserved0) | (word1 & reserved1);
    if (superpage) reserved |= level > 3 ? _PAGE_PSE : word0 & within & ~SUPERPAGE_PAT;
    if (reserved !== 0) return error | PFEC_page_present | PFEC_reserved_bit;

    every &= word1;
    any |= word1;
    if (level > 1 && !superpage) {
      if ((word1 & _PAGE_ACCESSED) === 0) words[at + 1] = word1 | _PAGE_ACCESSED;
      table = word1 >>> 24 === 0 ? word0 : BEYOND;
      continue;
    }

    const rights = every | (any & _PAGE_NX) | (word1 & _PAGE_PKEY);
    const violation = rights_violation(c, rights, access);
    if (violation !== 0) return error | violation;

    const leaf = (word1 | _PAGE_ACCESSED | (access === ACCESS_WRITE ? _PAGE_DIRTY : 0)) >>> 0;
    if (leaf !== word1) words[at + 1] = leaf;
    out.frame = ((((word0 & ~within) | (vpn & within)) >>> 0) + (word1 >>> 24) * 2 ** 32) as Mfn;
    out.rights = rights;
    out.leaf = leaf;
    return WALK_OK;
  }
}

/**
 * The vpn of linear address `page` << 12 (`page` has 52 bits, or 20 under PAE), or NOT_CANONICAL: an access to
 * it raises #GP(0) before any walk.
 *
 * Mirrors: SDM vol. 1, 3.3.7.1.
 */
export function canonical_vpn(page: number, levels: number, ptes: number): Vpn | typeof NOT_CANONICAL {
  if (levels === 3) return page as Vpn;
  const pages = ptes ** levels;
  const high = Math.floor(page / (pages / 2)); // the sign bit, and all above it
  const ones = 2 ** 52 / (pages / 2) - 1;
  return high === 0 || high === ones ? ((page % pages) as Vpn) : NOT_CANONICAL;
}
