/**
 * Generated work: a list of small operations, each meaningful on any machine.
 *
 * An operation names things by number, and a number means the n-th (modulo how many there are) of what the machine
 * has at that moment; what makes no sense then is left out. So any list of operations is a workload, every part
 * of one is a workload too, and a machine's bytes together with the rest of the list say all that follows.
 */
import { mulberry32 } from "./seed.js";

/** The kinds of operations. */
export const OPS = [
  "switch", // to the n-th task that waits for a CPU
  "idle",
  "fork",
  "thread",
  "exec",
  "exit",
  "mmap",
  "munmap",
  "mprotect",
  "madvise",
  "touch", // from user mode
  "ktouch", // from the kernel, as a copy to user space
  "syscall",
  "interrupt",
  "kthread", // to a kernel thread, which borrows the address space
  "use_mm", // the kernel thread works in a user address space for a moment
  "poke", // text is patched through a temporary mm
  "suspend",
  "unplug",
  "plug",
  "hot_add", // memory appears behind a slot of the direct map
  "kaccess", // the kernel touches such memory
] as const;

/** A kind of operation, by name. */
export type OpName = (typeof OPS)[number];

/** What happens next, on which CPU. `slot`, `page`, `pages` name memory; `n` chooses among what there is. */
export interface Op {
  readonly op: OpName;
  readonly cpu: number;
  readonly n: number;
  /** Top-level slot, one of SLOTS by number. */
  readonly slot: number;
  /** First page within the slot, and how many; WHOLE pages of a slot for munmap take all of it. */
  readonly page: number;
  readonly pages: number;
}

/** Top-level slots that generated work maps in. */
export const SLOTS = [0, 1, 85, 170, 254] as const;

/** Pages within a slot that are mapped: more than one L1 table's. */
export const SLOT_PAGES = 1200;
export const WHOLE = 0;
const NEAR = 48;

/** `count` operations from `seed`; the same seed gives the same list. Weights are those of an ordinary program. */
export function randomOps(seed: number, count: number, nrCpus: number): Op[] {
  const random = mulberry32(seed);
  const below = (n: number) => Math.floor(random() * n);
  return Array.from({ length: count }, () => ({
    op: WEIGHTED[below(WEIGHTED.length)]!,
    cpu: below(nrCpus),
    n: below(64),
    slot: below(SLOTS.length),
    page: below(4) === 0 ? below(SLOT_PAGES) : below(NEAR), // near ones, so that operations meet
    pages: below(4) === 0 ? WHOLE : 1 + below(40),
  }));
}

const WEIGHTS: Record<OpName, number> = {
  switch: 22,
  idle: 3,
  fork: 3,
  thread: 4,
  exec: 1,
  exit: 4,
  mmap: 12,
  munmap: 8,
  mprotect: 5,
  madvise: 2,
  touch: 28,
  ktouch: 3,
  syscall: 5,
  interrupt: 3,
  kthread: 3,
  use_mm: 3,
  poke: 1,
  suspend: 1,
  unplug: 2,
  plug: 3,
  hot_add: 1,
  kaccess: 2,
};

const WEIGHTED: readonly OpName[] = OPS.flatMap((op) => Array.from({ length: WEIGHTS[op] }, () => op));
