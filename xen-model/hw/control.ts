/**
 * The control state that decides how a processor translates: the registers that a walk looks at.
 *
 * Mirrors: SDM vol. 3A, 4.1.1 and 4.1.3 (paging modes and their modifiers), 4.4.1 (PDPTE registers).
 * Differs: one record instead of CR0, CR4, EFER and RFLAGS, so that a walk reads fields and masks nothing out.
 */
import { _PAGE_NX, _PAGE_PRESENT, _PAGE_PSE, PAGE_FRAME_HI_MASK } from "../../abi/page.js";

/** Kinds of access. */
export const ACCESS_READ = 0;
export const ACCESS_WRITE = 1;
export const ACCESS_FETCH = 2;
/** One of ACCESS_*: what the processor is about to do. */
export type Access = typeof ACCESS_READ | typeof ACCESS_WRITE | typeof ACCESS_FETCH;

/** Levels of the paging mode: PAE (its four PDPTEs are the third), 4-level, 5-level. */
export type PagingLevels = 3 | 4 | 5;

/** Bits of WalkControl.modes. */
export const MODE_WP = 0x01;
export const MODE_SMEP = 0x02;
export const MODE_SMAP = 0x04;
export const MODE_AC = 0x08;
export const MODE_NXE = 0x10;
export const MODE_CPL3 = 0x20;

export class WalkControl {
  levels: PagingLevels = 4;
  /** CR4.PGE: bit 8 of a leaf makes a TLB entry global. A walk comes out the same. */
  pge = true;
  /** CR4.PKE, and the access and write rights of the 16 keys, two bits a key. */
  pke = false;
  pkru = 0;
  /** WP, SMEP, SMAP, AC, NXE and CPL as one int of MODE_*, for permits(); written through their names below. */
  modes = MODE_WP | MODE_NXE;

  /** What follows from reserved1 and NXE: bits of a second word that must be P alone, where a walk meets nothing but tables and a 4 KiB page. */
  judged_in_table = 0;
  judged_in_leaf = 0;
  /** What follows from MAXPHYADDR: frames below it have no reserved bit, and an index in words of 31 bits. */
  plain_frames = 0;

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
    this.plain_frames = 1 << Math.min(bits - 12, 21);
    this.judge();
  }

  private judge(): void {
    this.judged_in_leaf = this.reserved1 | (this.nxe ? 0 : _PAGE_NX) | _PAGE_PRESENT;
    this.judged_in_table = this.judged_in_leaf | _PAGE_PSE | PAGE_FRAME_HI_MASK;
  }

  /** CR0.WP: supervisor writes obey R/W. */
  get wp(): boolean {
    return (this.modes & MODE_WP) !== 0;
  }
  set wp(on: boolean) {
    this.set(MODE_WP, on);
  }

  /** CR4.SMEP, CR4.SMAP: the supervisor neither runs nor touches user pages. */
  get smep(): boolean {
    return (this.modes & MODE_SMEP) !== 0;
  }
  set smep(on: boolean) {
    this.set(MODE_SMEP, on);
  }
  get smap(): boolean {
    return (this.modes & MODE_SMAP) !== 0;
  }
  set smap(on: boolean) {
    this.set(MODE_SMAP, on);
  }

  /** RFLAGS.AC: suspends SMAP for explicit accesses. */
  get ac(): boolean {
    return (this.modes & MODE_AC) !== 0;
  }
  set ac(on: boolean) {
    this.set(MODE_AC, on);
  }

  /** EFER.NXE: bit 63 of an entry means no fetches; else it is reserved. */
  get nxe(): boolean {
    return (this.modes & MODE_NXE) !== 0;
  }
  set nxe(on: boolean) {
    this.set(MODE_NXE, on);
  }

  /** 3: accesses are user-mode ones. */
  get cpl(): 0 | 3 {
    return (this.modes & MODE_CPL3) !== 0 ? 3 : 0;
  }
  set cpl(cpl: 0 | 3) {
    this.set(MODE_CPL3, cpl === 3);
  }

  private set(mode: number, on: boolean): void {
    this.modes = on ? this.modes | mode : this.modes & ~mode;
    this.judge();
  }
}
