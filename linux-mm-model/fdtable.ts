/**
 * Tables of open files, as far as they take kernel memory: a table too large for the page allocator is vmalloc'd.
 *
 * Mirrors: struct files_struct; expand_fdtable(), alloc_fdtable(), put_files_struct(), fs/file.c.
 * Differs: no file is in a table; a copy for another process is small again, as dup_fd() counts open files.
 */
import type { State } from "../abi/state.js";
import type { Linux } from "./linux.js";
import { NO_AREA, vfree, vmalloc } from "./vmalloc.js";

/** Bytes that kmalloc() gives at most: a block of the highest order. */
const KMALLOC_MAX_SIZE = 4 * 2 ** 20;
const POINTER_BYTES = 8;
const PAGE_SIZE = 4096;

/**
 * Shape: `max` rows: users Int32Array, 0 for a free row; area Int32Array, NO_AREA for a table that is no vmalloc'd one;
 *        size Float64Array, descriptors that the table holds.
 */
export class FdTables {
  readonly users: Int32Array;
  readonly area: Int32Array;
  readonly size: Float64Array;

  constructor(
    state: State,
    readonly max: number,
  ) {
    this.users = state.i32(max);
    this.area = state.i32(max);
    this.size = state.f64(max);
  }

  /** A small table with one user. */
  alloc(): number {
    let row = 0;
    while (row < this.max && this.users[row] !== 0) row++;
    if (row >= this.max) throw new RangeError(`FdTables: ${this.max} are in use; raise maxTasks`);
    this.users[row] = 1;
    this.area[row] = NO_AREA;
    this.size[row] = 64;
    return row;
  }
}

/** Make room for descriptor `fd` in the table of the task that runs on `cpu`. */
export function expand_files(k: Linux, cpu: number, fd: number): void {
  const { tasks, fdtables, percpu } = k;
  const task = percpu.current[cpu]!;
  if (tasks.files[task] === -1) tasks.files[task] = fdtables.alloc();
  const files = tasks.files[task]!;
  if (fd < fdtables.size[files]!) return;
  const size = 2 ** Math.ceil(Math.log2(fd + 1));
  const bytes = size * POINTER_BYTES;
  const old = fdtables.area[files]!;
  fdtables.size[files] = size;
  fdtables.area[files] = bytes > KMALLOC_MAX_SIZE ? vmalloc(k, cpu, bytes / PAGE_SIZE) : NO_AREA;
  if (old !== NO_AREA) vfree(k, cpu, old);
}

/** A new task shares its maker's table (CLONE_FILES), or gets a small one when it needs it. */
export function copy_files(k: Linux, parent: number, child: number, share: boolean): void {
  const files = k.tasks.files[parent]!;
  if (!share || files === -1) return;
  k.fdtables.users[files]!++;
  k.tasks.files[child] = files;
}

/** The exiting task on `cpu` lets go of its table. */
export function exit_files(k: Linux, cpu: number, task: number): void {
  const files = k.tasks.files[task]!;
  if (files === -1) return;
  k.tasks.files[task] = -1;
  if (--k.fdtables.users[files]! > 0) return;
  if (k.fdtables.area[files] !== NO_AREA) vfree(k, cpu, k.fdtables.area[files]!);
}
