/**
 * The sizes of a machine: chosen once, the same for every proposal of a comparison.
 */
import type { MemoryGeometry } from "../abi/memory.js";

export interface Geometry extends MemoryGeometry {
  /** Physical CPUs; vCPU i of the guest is pinned to pCPU i. */
  readonly nrCpus: number;
  /** Frames that Xen keeps: 0..nrXenFrames-1. */
  readonly nrXenFrames: number;
  /** Rows of the guest's tables of address spaces, tasks, VMAs and files. */
  readonly maxMms: number;
  readonly maxTasks: number;
  readonly maxVmas: number;
  readonly maxFiles: number;
}

/**
 * A guest of 2 GiB with room for 128 MiB of pagetables: the recordings that come along fit several times.
 * Untouched rows and frames cost nothing but address space.
 */
export function defaultGeometry(nrCpus: number): Geometry {
  return {
    nrCpus,
    nrXenFrames: 64 + 8 * nrCpus,
    nrTables: 32768,
    nrFrames: 524288,
    ptes: 512,
    maxMms: 1024,
    maxTasks: 8192,
    maxVmas: 65536,
    maxFiles: 64,
  };
}

/** A guest of 32 MiB for tests and generated work: a snapshot of it is a copy of some 6 MiB. */
export function smallGeometry(nrCpus: number): Geometry {
  return {
    nrCpus,
    nrXenFrames: 64 + 8 * nrCpus,
    nrTables: 1024,
    nrFrames: 8192,
    ptes: 512,
    maxMms: 32,
    maxTasks: 64,
    maxVmas: 1024,
    maxFiles: 4,
  };
}
