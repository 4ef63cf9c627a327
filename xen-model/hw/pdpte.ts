/**
 * The four PDPTE registers of PAE paging: loaded with CR3, and only then.
 *
 * Mirrors: SDM vol. 3A, 4.4.1; load_pdptrs() of Linux's arch/x86/kvm/x86.c.
 */
import type { Mfn } from "../../abi/frames.js";
import type { PtMemory } from "../../abi/memory.js";
import { _PAGE_PRESENT } from "../../abi/page.js";
import type { WalkControl } from "./control.js";

/** Bits 2:1, 8:5 and 63:52 of a present PDPTE are reserved, and those from MAXPHYADDR. NXE changes nothing. */
const PDPTE_RESERVED = 0x1e6 | 0xfff000;

/**
 * MOV to CR3 under PAE: load the registers from four entries of `table`, from `slot` on (CR3 bits 11:5).
 * Returns false for #GP(0), which leaves the registers as they were.
 */
export function load_pdptes(mem: PtMemory, c: WalkControl, table: Mfn, slot: number): boolean {
  if (table >= mem.nrTables) {
    c.pdpte.fill(0);
    return true;
  }
  const from = mem.at(table, slot);
  for (let i = from; i < from + 8; i += 2) {
    const [word0, word1] = [mem.words[i]!, mem.words[i + 1]!];
    if ((word1 & _PAGE_PRESENT) === 0) continue; // no bit of an entry with P=0 is reserved
    if (((word0 & c.reserved0) | (word1 & (c.reserved1 | PDPTE_RESERVED))) !== 0) return false;
  }

  c.pdpte.set(mem.words.subarray(from, from + 8));
  return true;
}
