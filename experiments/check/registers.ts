/**
 * What the checker keeps beside the machine: where each vCPU is, and what its caches hold.
 *
 * Shape, a row per vCPU unless said otherwise:
 *   path, pc   Uint8Array   the path that runs (PATH_*), and its next step
 *   inXen      Uint8Array   a hypercall is being made: 1 of the buffer
 *   row, xenPc Uint8Array   which call of it, and the next step of that
 *   access     Uint8Array   user access under way: slot + 1, 0 for none
 *   reads      Uint8Array   holds the mmap_lock of its mm for reading
 *   tlb        Uint32Array  [vcpu][slot] the L3 that its caches lead to, 0 for none
 *   opsLeft    Uint8Array   by task: memory operations that it may still do
 *   mapped     Uint8Array   by mm: slots with a VMA, a bit each
 *   seen       Uint8Array   [0] SEEN_*
 */
import type { Bounds } from "./scene.js";
import { firstThread } from "./scene.js";

export const PATH_NONE = 0;
export const PATH_FAULT = 1;
export const PATH_MUNMAP = 2;
export const PATH_SWITCH = 3;

/** What happened, and can not be told from a state alone. */
export const SEEN_unresolved = 1; // the fault handler said that it is done, and the access would fault again
export const SEEN_foreign = 2; // a user access went through a table that is not its mm's, or is free

export class PvRegisters {
  readonly path: Uint8Array;
  readonly pc: Uint8Array;
  readonly inXen: Uint8Array;
  readonly row: Uint8Array;
  readonly xenPc: Uint8Array;
  readonly access: Uint8Array;
  readonly reads: Uint8Array;
  readonly tlb: Uint32Array;
  readonly opsLeft: Uint8Array;
  readonly mapped: Uint8Array;
  readonly seen = new Uint8Array(1);

  constructor(bounds: Bounds) {
    const { vcpus, slots, mms, threads } = bounds;
    this.path = new Uint8Array(vcpus);
    this.pc = new Uint8Array(vcpus);
    this.inXen = new Uint8Array(vcpus);
    this.row = new Uint8Array(vcpus);
    this.xenPc = new Uint8Array(vcpus);
    this.access = new Uint8Array(vcpus);
    this.reads = new Uint8Array(vcpus);
    this.tlb = new Uint32Array(vcpus * slots);
    this.opsLeft = new Uint8Array(firstThread(bounds) + threads);
    this.mapped = new Uint8Array(1 + mms);
  }
}
