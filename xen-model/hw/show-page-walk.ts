/**
 * What Xen prints of the pagetables under an address when it dies of it.
 *
 * Mirrors: show_page_walk(), xen/arch/x86/x86_64/traps.c.
 * Differs: returns the entries, and the caller prints them; begins at level 5 with five levels, and under PAE
 *          with the PDPTE register, as the 32-bit Xen of old did.
 */
import type { Mfn, Vpn } from "../../abi/frames.js";
import type { PtMemory } from "../../abi/memory.js";
import { _PAGE_PRESENT, _PAGE_PSE, PAGE_FLAGS_MASK } from "../../abi/page.js";
import type { WalkControl } from "./control.js";

export interface ShownEntry {
  readonly level: number;
  readonly slot: number;
  readonly frame: number;
  readonly flags: number;
  /** Printed behind the line: the entry maps a superpage. */
  readonly pse: boolean;
}

/** The entries from the root down, up to one that is absent, maps a superpage or has a frame beyond RAM. */
export function show_page_walk(mem: PtMemory, c: WalkControl, root: Mfn, vpn: Vpn): ShownEntry[] {
  const shown: ShownEntry[] = [];
  let table: number = root;
  for (let level: number = c.levels; level > 0; level--) {
    const slot = Math.floor(vpn / mem.ptes ** (level - 1)) % mem.ptes;
    const register = c.levels === 3 && level === 3;
    const frame = register ? pdpte_frame(c, slot) : mem.frame(table, slot);
    const flags = register ? c.pdpte[2 * slot + 1]! & PAGE_FLAGS_MASK : mem.flags(table, slot);
    const pse = (level === 2 || level === 3) && !register && (flags & _PAGE_PSE) !== 0;
    shown.push({ level, slot, frame, flags, pse });
    if ((flags & _PAGE_PRESENT) === 0 || pse || frame >= mem.nrFrames) break;
    table = frame;
  }
  return shown;
}

function pdpte_frame(c: WalkControl, slot: number): number {
  return c.pdpte[2 * slot]! + (c.pdpte[2 * slot + 1]! >>> 24) * 2 ** 32;
}
