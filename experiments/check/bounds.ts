/** The bounds of a check, and which rows of the tables of tasks and mms it takes. */

/** How much happens. Slots are top-level slots of the user half, from 0 up. */
export interface Bounds {
  readonly vcpus: number;
  readonly threads: number;
  readonly mms: number;
  readonly slots: number;
  /** Memory operations of each thread: touch, mmap, munmap. */
  readonly ops: number;
  /** Kernel threads that use an mm for a while; default none. */
  readonly kthreads?: number;
  /** Forks and execs, in all; with any, threads may also exit. Default none. */
  readonly forks?: number;
  /** Times that a vCPU goes down, in all; not CPU 0. Default none. */
  readonly hotplugs?: number;
  /** L4s come and go: said by roomOf(). */
  readonly comeAndGo?: boolean;
}

/** `bounds` with room for what forks make, a thread and a process of its own each; `byVcpu`: pairs come and go with vCPUs. */
export function roomOf(bounds: Bounds, byVcpu: boolean): Bounds {
  const { forks = 0, hotplugs = 0, threads, mms } = bounds;
  const comeAndGo = forks > 0 || (hotplugs > 0 && byVcpu);
  return { ...bounds, threads: threads + forks, mms: mms + forks, comeAndGo };
}

export const DEFAULT_BOUNDS: Bounds = { vcpus: 2, threads: 3, mms: 2, slots: 1, ops: 1 };

/** Row of the first thread; the rows below are idle tasks. */
export const firstThread = (bounds: Bounds): number => bounds.vcpus;

/** Row of the first kernel thread, and the row behind the last. */
export const firstKthread = (bounds: Bounds): number => firstThread(bounds) + bounds.threads;
export const behindTasks = (bounds: Bounds): number => firstKthread(bounds) + (bounds.kthreads ?? 0);

/** mm of thread `n` of the scene: the first process has what is left over. */
export const mmOfThread = (bounds: Bounds, n: number): number =>
  1 + Math.max(0, n - (bounds.threads - bounds.mms));
