/**
 * The control state that decides how a processor translates: the registers that a walk looks at.
 *
 * Mirrors: SDM vol. 3A, 4.1.1 and 4.1.3 (paging modes and their modifiers), 4.4.1 (PDPTE registers).
 * Differs: one record instead of CR0, CR4, EFER and RFLAGS, so that a walk reads fields and masks nothing out.
 */
import { PAGE_FRAME_HI_MASK } from "../../abi/page.js";

/** Kinds of access. */
export const ACCESS_READ = 0;
export const ACCESS_WRITE = 1;
export const ACCESS_FETCH = 2;
/** One of ACCESS_*: what the processor is about to do. */
export type Access = typeof ACCESS_READ | typeof ACCESS_WRITE | typeof ACCESS_FETCH;

/** Levels of the paging mode: PAE (its four PDPTEs are the third), 4-level, 5-level. */
export type PagingLevels = 3 | 4 | 5;

export class WalkControl {
  levels: PagingLevels = 4;
  /** CR0.WP: supervisor writes obey R/W. */
  wp = true;
  /** CR4.SMEP, CR4.SMAP: the supervisor neither runs nor touches user pages. */
  smep = false;
  smap = false;
  /** RFLAGS.AC: suspends SMAP for explicit accesses. */
  ac = false;
  /** EFER.NXE: bit 63 of an entry means no fetches; else it is reserved. */
  nxe = true;
  /** CR4.PGE: bit 8 of a leaf makes a TLB entry global. A walk comes out the same. */
  pge = true;
  /** CR4.PKE, and the access and write rights of the 16 keys, two bits a key. */
  pke = false;
  pkru = 0;
  /** 3: accesses are user-mode ones. */
  cpl: 0 | 3 = 0;

  /** The bits of an entry's two words (abi/page.ts) that MAXPHYADDR reserves: see set_maxphyaddr(). */
  reserved0 = 0;
  reserved1 = 0;

  /** PDPTE registers, as four entries of two words; written by load_pdptes() only. */
  readonly pdpte = new Uint32Array(8);

  constructor(maxphyaddr = 46) {
    this.set_maxphyaddr(maxphyaddr);
  }

  /** Reserve address bits 51:`bits` of entries, for a processor of `bits` (32..52) physical address bits. */
  set_maxphyaddr(bits: number): void {
    if (bits < 32 || bits > 52) throw new RangeError(`WalkControl: MAXPHYADDR ${bits} is not in 32..52`);
    // Word 0 holds address bits 43:12, the high byte of word 1 bits 51:44. Shifts count modulo 32.
    this.reserved0 = bits < 44 ? -1 << (bits - 12) : 0;
    this.reserved1 = bits < 44 ? PAGE_FRAME_HI_MASK : bits < 52 ? -1 << (bits - 20) : 0;
  }
}
