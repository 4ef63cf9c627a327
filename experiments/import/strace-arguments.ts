/** Arguments of calls in strace's words, as the numbers that perf records. */
import { KIND } from "./event.js";
import { matches, type Scanner, SPACE } from "./scan.js";

/** Words by their bytes, and the bits that each stands for. */
type Words = readonly (readonly [bytes: Buffer, bits: number])[];

function words(...list: [word: string, bits: number][]): Words {
  return list.map(([word, bits]) => [Buffer.from(word, "latin1"), bits]);
}

/** Mirrors: arch/x86/include/uapi/asm/mman.h, include/uapi/asm-generic/mman{-common,}.h, include/uapi/linux/sched.h. */
const PROT = words(["PROT_NONE", 0], ["PROT_READ", 1], ["PROT_WRITE", 2], ["PROT_EXEC", 4]);
const MAP = words(
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
);
const MADV = words(
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
);
const MREMAP = words(["MREMAP_MAYMOVE", 1], ["MREMAP_FIXED", 2], ["MREMAP_DONTUNMAP", 4]);
/** Those that say what the new task shares with its maker. */
const CLONE = words(
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
);

const COMMA = 0x2c;
const BAR = 0x7c;
const CAPITAL_A = 0x41;
const CAPITAL_Z = 0x5a;
const UNDERLINE = 0x5f;

/** For each call whose arguments are read: where words stand, and where numbers do. */
const FORMS = new Map<number, readonly (Words | undefined)[]>([
  [KIND.sys_enter_mmap, [undefined, undefined, PROT, MAP, undefined, undefined]],
  [KIND.sys_enter_mprotect, [undefined, undefined, PROT]],
  [KIND.sys_enter_madvise, [undefined, undefined, MADV]],
  [KIND.sys_enter_mremap, [undefined, undefined, undefined, MREMAP, undefined]],
  [KIND.sys_enter_munmap, [undefined, undefined]],
  [KIND.sys_enter_brk, [undefined]],
]);

/** Read the arguments at the scanner into row `row` of `columns`, those that perf would record for `kind`. */
export function straceArguments(
  s: Scanner,
  kind: number,
  columns: readonly Float64Array[],
  row: number,
): void {
  const form = FORMS.get(kind);
  if (form === undefined) return;
  const { buf, end } = s;
  for (let i = 0; i < form.length; i++) {
    while (s.pos < end && buf[s.pos] === SPACE) s.pos++;
    columns[i]![row] = bits(s, form[i]);
    while (s.pos < end && buf[s.pos] !== COMMA) s.pos++;
    s.pos++;
  }
}

/** Flags of a call that makes a task, wherever they stand among its arguments: `flags=CLONE_VM|CLONE_VFORK`. */
export function cloneFlags(s: Scanner): number {
  return s.behind(FLAGS) ? bits(s, CLONE) : 0;
}

const FLAGS = Buffer.from("flags=");

/** A number, NULL, or words of `list` and numbers between bars. */
function bits(s: Scanner, list: Words | undefined): number {
  let sum = 0;
  for (;;) {
    sum += isWord(s.buf[s.pos]!) ? word(s, list) : number(s);
    if (list === undefined || s.pos >= s.end || s.buf[s.pos] !== BAR) return sum;
    s.pos++;
  }
}

function number(s: Scanner): number {
  const hex = s.hex();
  const value = isNaN(hex) ? s.decimal() : hex;
  return isNaN(value) ? 0 : value;
}

/** The word at the scanner; 0 if the list does not have it (NULL, or a flag that changes nothing here). */
function word(s: Scanner, list: Words | undefined): number {
  const { buf, pos, end } = s;
  let at = pos;
  while (at < end && (isWord(buf[at]!) || (buf[at]! >= 0x30 && buf[at]! <= 0x39))) at++;
  s.pos = at;
  if (list === undefined) return 0;
  for (let i = 0; i < list.length; i++) {
    const [bytes, value] = list[i]!;
    if (bytes.length === at - pos && matches(buf, pos, bytes)) return value;
  }
  return 0;
}

function isWord(c: number): boolean {
  return (c >= CAPITAL_A && c <= CAPITAL_Z) || c === UNDERLINE;
}
