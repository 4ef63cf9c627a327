/** System calls by the bytes of their name, as strace writes it. */
import { KIND, type Kind, KINDS } from "./event.js";
import { matches } from "./scan.js";

/** A system call by name, and the two kinds of event that it becomes. */
export interface Syscall {
  readonly name: Buffer;
  readonly enter: number;
  readonly exit: number;
}

const SYSCALLS: readonly Syscall[] = KINDS.filter((kind) => kind.startsWith("sys_enter_")).map((kind) => ({
  name: Buffer.from(kind.slice("sys_enter_".length), "latin1"),
  enter: KIND[kind],
  exit: (KIND[kind.replace("_enter_", "_exit_") as Kind] as number | undefined) ?? KIND.OTHER,
}));
/** Any other, which becomes one OTHER. */
export const UNKNOWN: Syscall = { name: Buffer.alloc(0), enter: KIND.OTHER, exit: KIND.OTHER };

/** The call whose name is in bytes start..end-1. */
export function syscallOf(buf: Buffer, start: number, end: number): Syscall {
  for (let i = 0; i < SYSCALLS.length; i++) {
    const { name } = SYSCALLS[i]!;
    if (name.length === end - start && matches(buf, start, name)) return SYSCALLS[i]!;
  }
  return UNKNOWN;
}
