/**
 * Imported events: the one form that all recordings take, whatever recorder wrote them.
 *
 * Columns, not objects: a chunk is a set of typed arrays that the importer fills and a consumer reads, so that
 * importing allocates nothing per event, and several simulations share one import.
 */
import { numbered } from "../../abi/numbered.js";

/** Events by name, as the kernel's tracepoints are called; OTHER is any other event, well formed. */
export const KINDS = [
  "OTHER",
  "sched_switch",
  "sched_process_fork",
  "sched_process_exec",
  "sched_process_exit",
  "sched_migrate_task",
  "task_newtask",
  "task_rename",
  "page_fault_user",
  "page_fault_kernel",
  "sys_enter",
  "sys_enter_mmap",
  "sys_enter_munmap",
  "sys_enter_mprotect",
  "sys_enter_brk",
  "sys_enter_mremap",
  "sys_enter_madvise",
  "sys_enter_clone",
  "sys_enter_clone3",
  "sys_enter_fork",
  "sys_enter_vfork",
  "sys_enter_execve",
  "sys_enter_execveat",
  "sys_enter_exit",
  "sys_enter_exit_group",
  "sys_exit_mmap",
  "sys_exit_munmap",
  "sys_exit_mprotect",
  "sys_exit_brk",
  "sys_exit_mremap",
  "sys_exit_madvise",
  "sys_exit_clone",
  "sys_exit_clone3",
  "sys_exit_fork",
  "sys_exit_vfork",
  "sys_exit_execve",
  "sys_exit_execveat",
  "local_timer_entry",
  "reschedule_entry",
  "call_function_single_entry",
  "call_function_entry",
  "irq_work_entry",
  "x86_platform_ipi_entry",
  "spurious_apic_entry",
  "error_apic_entry",
  "threshold_apic_entry",
  "deferred_error_apic_entry",
  "thermal_apic_entry",
] as const;

export type Kind = (typeof KINDS)[number];

/** Index of each kind: chunk.kind[i] === KIND.sched_switch. */
export const KIND = numbered(KINDS);

/** Is it an interrupt that came while a task ran (include/asm/trace/irq_vectors.h)? */
export function isInterrupt(kind: number): boolean {
  return kind >= KIND.local_timer_entry;
}

/** Is it the entry event of one system call? */
export function isSyscallEntry(kind: number): boolean {
  return kind >= KIND.sys_enter_mmap && kind <= KIND.sys_enter_exit_group;
}

/** Is it the exit event of one system call? */
export function isSyscallExit(kind: number): boolean {
  return kind >= KIND.sys_exit_mmap && kind <= KIND.sys_exit_execveat;
}

/** The previous task of a sched_switch is dead (X, Z), or waits for a lock or a device (D). */
export const PREV_DEAD = 1;
export const PREV_UNINTERRUPTIBLE = 2;

/** Rows of a chunk. */
export const CHUNK_ROWS = 16384;

/**
 * Shape: `rows` rows, of which the first `n` are filled.
 *   kind  Uint8Array    KIND.*
 *   cpu   Int32Array    CPU that recorded it; 0 where the form does not say (strace)
 *   tid   Int32Array    task that was current; -1 where the recorder had lost it
 *   tgid  Int32Array    its thread group; -1 where the form does not say: TaskTable (task-table.ts) then finds it
 *                       from the flags of task_newtask
 *   time  Float64Array  nanoseconds, exact; the recorder's clock, less ImportReport.originSeconds
 *   comm  Uint32Array   name of the task at that moment (trace-cmd: the last it had); index into Strings
 *   a0..a5 Float64Array what the event says; addresses are signed, so kernel addresses are negative and exact:
 *
 *   event                 a0           a1            a2          a3        a4   a5
 *   OTHER                 name (index into Strings), whether it is a system call's (1)
 *   sched_switch          prev tid     next tid      prev state: PREV_*, else 0
 *   sched_process_fork    parent tid   child tid
 *   sched_process_exec    tid          old tid
 *   sched_process_exit    tid
 *   sched_migrate_task    tid          orig cpu      dest cpu
 *   task_newtask          child tid    clone_flags
 *   task_rename           tid          new comm (index into Strings)
 *   page_fault_*          address      ip (NaN: a symbol)  error code
 *   sys_enter             number
 *   sys_enter_mmap        addr         len           prot        flags     fd   off
 *   sys_enter_munmap      addr         len
 *   sys_enter_mprotect    addr         len           prot
 *   sys_enter_brk         brk
 *   sys_enter_mremap      addr         old len       new len     flags     new addr
 *   sys_enter_madvise     addr         len           advice
 *   sys_enter_clone       flags
 *   sys_enter_*           nothing that is used
 *   sys_exit_*            return value, negative: -errno (strace: -1)
 *   *_entry               vector
 *
 * Columns that an event does not use hold what an earlier row of the buffer left there.
 */
export class EventChunk {
  n = 0;
  readonly kind: Uint8Array;
  readonly cpu: Int32Array;
  readonly tid: Int32Array;
  readonly tgid: Int32Array;
  readonly time: Float64Array;
  readonly comm: Uint32Array;
  readonly a: readonly [Float64Array, Float64Array, Float64Array, Float64Array, Float64Array, Float64Array];

  constructor(readonly rows: number = CHUNK_ROWS) {
    this.kind = new Uint8Array(rows);
    this.cpu = new Int32Array(rows);
    this.tid = new Int32Array(rows);
    this.tgid = new Int32Array(rows);
    this.time = new Float64Array(rows);
    this.comm = new Uint32Array(rows);
    const column = () => new Float64Array(rows);
    this.a = [column(), column(), column(), column(), column(), column()];
  }
}

/** Remembered texts; a power of two. */
const HINTS = 4096;

/** Texts of a recording, each kept once: names of tasks and of events. */
export class Strings {
  private readonly texts: string[] = [];
  private readonly byText = new Map<string, number>();
  /** Bytes of the text that was last found for a hint, and its index. */
  private readonly hinted: (Buffer | undefined)[] = new Array<Buffer | undefined>(HINTS).fill(undefined);
  private readonly hintedIndex = new Uint32Array(HINTS);

  /**
   * Index of the text in bytes start..end-1 of `buf`. `hint` is a number that mostly comes with the same
   * text, as a task with its name: then nothing is allocated.
   */
  intern(buf: Buffer, start: number, end: number, hint: number): number {
    const slot = hint & (HINTS - 1);
    const known = this.hinted[slot];
    if (known !== undefined && sameBytes(known, buf, start, end)) return this.hintedIndex[slot]!;
    const bytes = Buffer.from(buf.subarray(start, end));
    this.hinted[slot] = bytes;
    this.hintedIndex[slot] = this.add(bytes.toString("utf8"));
    return this.hintedIndex[slot]!;
  }

  add(text: string): number {
    const known = this.byText.get(text);
    if (known !== undefined) return known;
    this.texts.push(text);
    this.byText.set(text, this.texts.length - 1);
    return this.texts.length - 1;
  }

  text(index: number): string {
    return this.texts[index]!;
  }
}

function sameBytes(known: Buffer, buf: Buffer, start: number, end: number): boolean {
  if (known.length !== end - start) return false;
  for (let i = 0; i < known.length; i++) if (known[i] !== buf[start + i]) return false;
  return true;
}
