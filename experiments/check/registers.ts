/**
 * What the checker keeps beside the machine: where each vCPU is, and what its caches hold.
 *
 * Shape, a row per vCPU unless said otherwise:
 *   path, pc   Uint8Array   the path that runs (PATH_*), and its next step
 *   inXen      Uint8Array   a hypercall is being made: 1 of the buffer
 *   row, xenPc Uint8Array   which call of it, and the next step of that
 *   access     Uint8Array   user access under way: slot + 1, 0 for none
 *   reads      Uint8Array   holds the mmap_lock of its mm: 1 for reading, READS_write for writing
 *   tlb        Uint32Array  [vcpu][slot] the L3 that its caches lead to, 0 for none
 *   opsLeft    Uint8Array   by task: memory operations that it may still do
 *   mapped     Uint8Array   by mm: slots with a VMA, a bit each
 *   seen       Uint8Array   [0] SEEN_*
 *   forksLeft  Uint8Array   [0] forks and execs that may still be
 *   downsLeft  Uint8Array   [0] times that a vCPU may still go down
 *   plug       Uint8Array   PLUG_*
 */
import type { State } from "../../abi/state.js";
import type { Bounds } from "./bounds.js";
import { behindTasks } from "./bounds.js";

export const PATH_NONE = 0;
export const PATH_FAULT = 1;
export const PATH_MUNMAP = 2;
export const PATH_SWITCH = 3;
export const PATH_USE_MM = 4;
export const PATH_UNUSE_MM = 5;
export const PATH_FORK = 6;
export const PATH_EXIT = 7;
export const PATH_EXEC = 8;
export const PATH_CALL = 9;
export const PATH_DOWN = 10;
export const PATH_DEAD = 11;
export const PATH_UP = 12;

export const PLUG_up = 0;
/** Down, and what a design drops with it is still there; being dropped, or the vCPU brought up; and gone. */
export const PLUG_down = 1;
export const PLUG_busy = 2;
export const PLUG_dead = 3;

/** In reads: the lock is held for writing. */
export const READS_write = 2;

/** What happened, and can not be told from a state alone. */
export const SEEN_unresolved = 1; // the fault handler said that it is done, and the access would fault again
export const SEEN_foreign = 2; // a user access went through a table that is not its mm's, or is free
export const SEEN_refused = 4; // the exclusive audit refused an installation, or would have

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
  readonly seen: Uint8Array;
  readonly forksLeft: Uint8Array;
  readonly downsLeft: Uint8Array;
  readonly plug: Uint8Array;

  /** They lie in the machine's buffer, behind its own fields. */
  constructor(state: State, bounds: Bounds) {
    const { vcpus, slots, mms } = bounds;
    this.path = state.u8(vcpus);
    this.pc = state.u8(vcpus);
    this.inXen = state.u8(vcpus);
    this.row = state.u8(vcpus);
    this.xenPc = state.u8(vcpus);
    this.access = state.u8(vcpus);
    this.reads = state.u8(vcpus);
    this.tlb = state.u32(vcpus * slots);
    this.opsLeft = state.u8(behindTasks(bounds));
    this.mapped = state.u8(1 + mms);
    this.seen = state.u8(1);
    this.forksLeft = state.u8(1);
    this.downsLeft = state.u8(1);
    this.plug = state.u8(vcpus);
  }
}

/** Has the path registers of an mm or a pair that comes or goes (lifeRegisters())? */
export function hasLifeRegisters(path: number): boolean {
  return path >= PATH_FORK || path === PATH_SWITCH;
}

/** Does the path switch address spaces? */
export function switches(path: number): boolean {
  return path === PATH_SWITCH || path === PATH_USE_MM || path === PATH_EXEC;
}
