/**
 * One access to a page by a pCPU: from its TLB if that can serve it, else by a walk, or a page fault.
 *
 * Mirrors: SDM vol. 3A, 4.10.2.2 and 4.10.2.3 (use of TLB entries), 4.10.4.1 (a page fault invalidates).
 * Differs: a cached translation is always used while it is there. One that denies the access faults, although the
 *          tables may permit it by now: the spurious fault that kernels are told to expect (4.10.4.3).
 */
import type { Mfn, PcpuId, Vpn } from "../../abi/frames.js";
import type { PtMemory } from "../../abi/memory.js";
import { _PAGE_DIRTY } from "../../abi/page.js";
import { access_error, rights_violation } from "./access-rights.js";
import { ACCESS_WRITE, type Access, type WalkControl } from "./control.js";
import type { Tlb } from "./tlb.js";
import { walk, WALK_OK, type Walk } from "./walk.js";

/** As walk(), with the TLB of `cpu` in context `pcid` (0 where CR4.PCIDE is off) before it. */
export function translate(
  mem: PtMemory,
  tlb: Tlb,
  cpu: PcpuId,
  c: WalkControl,
  root: Mfn,
  pcid: number,
  vpn: Vpn,
  access: Access,
  out: Walk,
): number {
  if (tlb.lookup(cpu, pcid, vpn, out)) {
    const violation = rights_violation(c, out.rights, access);
    if (violation !== 0) {
      tlb.invlpg(cpu, pcid, vpn);
      return access_error(c, access) | violation;
    }
    // The first write through a clean entry walks again, to set D in memory.
    if (access !== ACCESS_WRITE || (out.leaf & _PAGE_DIRTY) !== 0) return WALK_OK;
  }

  const error = walk(mem, c, root, vpn, access, out);
  if (error === WALK_OK) tlb.fill(cpu, pcid, vpn, c, out);
  else tlb.invlpg(cpu, pcid, vpn); // a fault invalidates what a retry would use
  return error;
}
