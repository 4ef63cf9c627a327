/** Arguments of calls in strace's words, as the numbers that perf records. */
import { KIND } from "./event.js";

/** Mirrors: arch/x86/include/uapi/asm/mman.h, include/uapi/asm-generic/mman{-common,}.h, include/uapi/linux/sched.h. */
const PROT = new Map([
  ["PROT_NONE", 0],
  ["PROT_READ", 1],
  ["PROT_WRITE", 2],
  ["PROT_EXEC", 4],
]);
const MAP = new Map([
  ["MAP_SHARED", 0x01],
  ["MAP_PRIVATE", 0x02],
  ["MAP_SHARED_VALIDATE", 0x03],
  ["MAP_FIXED", 0x10],
  ["MAP_ANONYMOUS", 0x20],
  ["MAP_32BIT", 0x40],
  ["MAP_GROWSDOWN", 0x100],
  ["MAP_DENYWRITE", 0x800],
  ["MAP_EXECUTABLE", 0x1000],
  ["MAP_LOCKED", 0x2000],
  ["MAP_NORESERVE", 0x4000],
  ["MAP_POPULATE", 0x8000],
  ["MAP_NONBLOCK", 0x10000],
  ["MAP_STACK", 0x20000],
  ["MAP_HUGETLB", 0x40000],
  ["MAP_SYNC", 0x80000],
  ["MAP_FIXED_NOREPLACE", 0x100000],
]);
const MADV = new Map([
  ["MADV_NORMAL", 0],
  ["MADV_RANDOM", 1],
  ["MADV_SEQUENTIAL", 2],
  ["MADV_WILLNEED", 3],
  ["MADV_DONTNEED", 4],
  ["MADV_FREE", 8],
  ["MADV_REMOVE", 9],
  ["MADV_DONTFORK", 10],
  ["MADV_DOFORK", 11],
  ["MADV_MERGEABLE", 12],
  ["MADV_HUGEPAGE", 14],
  ["MADV_NOHUGEPAGE", 15],
  ["MADV_DONTDUMP", 16],
  ["MADV_DODUMP", 17],
]);
const MREMAP = new Map([
  ["MREMAP_MAYMOVE", 1],
  ["MREMAP_FIXED", 2],
  ["MREMAP_DONTUNMAP", 4],
]);
/** Those that say what the new task shares with its maker. */
export const CLONE_FLAGS = new Map([
  ["CLONE_VM", 0x100],
  ["CLONE_FS", 0x200],
  ["CLONE_FILES", 0x400],
  ["CLONE_SIGHAND", 0x800],
  ["CLONE_VFORK", 0x4000],
  ["CLONE_PARENT", 0x8000],
  ["CLONE_THREAD", 0x10000],
  ["CLONE_SYSVSEM", 0x40000],
  ["CLONE_SETTLS", 0x80000],
  ["CLONE_PARENT_SETTID", 0x100000],
  ["CLONE_CHILD_CLEARTID", 0x200000],
  ["CLONE_CHILD_SETTID", 0x1000000],
]);

/** Read the arguments in bytes start..end-1 of `buf` into `values`, those that perf would record for `kind`. */
export function straceArguments(
  kind: number,
  buf: Buffer,
  start: number,
  end: number,
  values: Float64Array,
): void {
  values.fill(0);
  switch (kind) {
    case KIND.sys_enter_mmap:
      return read([undefined, undefined, PROT, MAP, undefined, undefined], buf, start, end, values);
    case KIND.sys_enter_mprotect:
      return read([undefined, undefined, PROT], buf, start, end, values);
    case KIND.sys_enter_madvise:
      return read([undefined, undefined, MADV], buf, start, end, values);
    case KIND.sys_enter_mremap:
      return read([undefined, undefined, undefined, MREMAP, undefined], buf, start, end, values);
    case KIND.sys_enter_munmap:
      return read([undefined, undefined], buf, start, end, values);
    case KIND.sys_enter_brk:
      return read([undefined], buf, start, end, values);
    default:
      return;
  }
}

type Words = ReadonlyMap<string, number>;

/** Numbers, and words of the lists where there is one. */
function read(
  lists: (Words | undefined)[],
  buf: Buffer,
  start: number,
  end: number,
  values: Float64Array,
): void {
  const parts = buf.toString("latin1", start, end).split(", ");
  for (const [i, list] of lists.entries()) {
    const part = (parts[i] ?? "").replace(/\s*<unfinished \.\.\.>$|\)$|\s+$/, "");
    values[i] = list === undefined ? number(part) : words(list, part);
  }
}

function number(part: string): number {
  const value = part === "NULL" ? 0 : Number(part);
  return Number.isNaN(value) ? 0 : value;
}

function words(list: Words, part: string): number {
  return part.split("|").reduce((sum, word) => sum | (list.get(word) ?? number(word)), 0);
}

/** The words behind `label` in bytes start..end-1; 0 without it. */
export function symbols(list: Words, label: string, buf: Buffer, start: number, end: number): number {
  const parts = buf.toString("latin1", start, end);
  const at = parts.indexOf(label);
  if (at < 0) return 0;
  return words(list, /^[A-Z_0-9|a-z]*/.exec(parts.slice(at + label.length))![0]);
}
