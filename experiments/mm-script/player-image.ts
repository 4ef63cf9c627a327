/**
 * The program that plays the scripts, as its address space looks: what execve maps, and what its start-up touches.
 *
 * Slot 0 has two pages of text and 96 of a shared file mapping (control area and stacks of the tasks), slot 255 the
 * initial stack. A task first writes its stack, one page of the shared mapping; then it reads the six fault-around
 * windows. With the text these are the eight faults and 98 PTEs of a recorded start-up.
 *
 * Mirrors: load_elf_binary(), fs/binfmt_elf.c; arch_setup_additional_pages(), arch/x86/entry/vdso/vma.c, without
 *          randomisation.
 */
import type { Image } from "../../linux-mm-model/exec.js";
import { VM_EXEC, VM_READ, VM_SHARED, VM_WRITE } from "../../linux-mm-model/vma.js";

/** Page of the text, and its pages. */
export const TEXT_PAGE = 0x400;
export const TEXT_PAGES = 2;
/** First page of the shared mapping: the control area. */
export const SHARED_PAGE = 0x410;
export const SHARED_PAGES = 96;
/** A page of the shared mapping with the stack of a task that starts. */
export const TASK_STACK_PAGE = SHARED_PAGE + 20;

const STACK_TOP_PAGE = 0x7ffffffff;
/** One page of arguments, and the 128 KiB that setup_arg_pages() adds. */
const STACK_PAGES = 33;
const VVAR_PAGE = 0x7ffff7ff9;
const VVAR_PAGES = 4;
const VDSO_PAGES = 2;

/** The files that the player's mappings are of: rows of FileTable. */
export interface PlayerFiles {
  readonly text: number;
  readonly control: number;
  readonly vdso: number;
}

/** The player, with its control area mapped; `control: false`: the program of vfork_exec, which maps nothing. */
export function playerImage(files: PlayerFiles, control: boolean): Image {
  const text = { start: TEXT_PAGE, pages: TEXT_PAGES, flags: VM_READ | VM_EXEC, file: files.text, pgoff: 0 };
  const shared = {
    start: SHARED_PAGE,
    pages: SHARED_PAGES,
    flags: VM_READ | VM_WRITE | VM_SHARED,
    file: files.control,
    pgoff: 0,
  };
  const vvar = { start: VVAR_PAGE, pages: VVAR_PAGES, flags: VM_READ, file: files.vdso, pgoff: 0 };
  const vdso = {
    start: VVAR_PAGE + VVAR_PAGES,
    pages: VDSO_PAGES,
    flags: VM_READ | VM_EXEC,
    file: files.vdso,
    pgoff: VVAR_PAGES,
  };
  return {
    vmas: control ? [text, shared, vvar, vdso] : [text, vvar, vdso],
    stackTop: STACK_TOP_PAGE,
    stackPages: STACK_PAGES,
    brk: 0x800,
  };
}
