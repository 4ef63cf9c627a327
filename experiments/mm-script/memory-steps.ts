/**
 * Steps in which a task uses its own memory: the memory calls, touches, and calls that change nothing.
 */
import type { Vpn } from "../../abi/frames.js";
import {
  MADV_DONTNEED,
  MADV_FREE,
  MADV_POPULATE_READ,
  MADV_POPULATE_WRITE,
  MADV_WILLNEED,
} from "../../linux-mm-model/madvise.js";
import * as sys from "../../linux-mm-model/syscalls.js";
import { NO_FILE, VM_EXEC, VM_GROWSDOWN, VM_READ, VM_SHARED, VM_WRITE } from "../../linux-mm-model/vma.js";
import { ACCESS_READ, ACCESS_WRITE } from "../../xen-model/hw/control.js";
import type { Player } from "./player.js";
import type { MmStep, Prot, StepOf } from "./script.js";
import type { ScriptTask } from "./tasks.js";

/** VM_READ, VM_WRITE, VM_EXEC of each `prot`. */
export const PROT: Readonly<Record<Prot, number>> = {
  none: 0,
  r: VM_READ,
  w: VM_WRITE,
  rw: VM_READ | VM_WRITE,
  rx: VM_READ | VM_EXEC,
  rwx: VM_READ | VM_WRITE | VM_EXEC,
};

const ADVICE = {
  dontneed: MADV_DONTNEED,
  free: MADV_FREE,
  willneed: MADV_WILLNEED,
  populate_read: MADV_POPULATE_READ,
  populate_write: MADV_POPULATE_WRITE,
} as const;

/** Pages of a top-level slot. */
const SLOT_PAGES = 2 ** 27;

/** Play `step` if it is one of these; false if it is not. */
export function memoryStep(p: Player, step: MmStep, task: ScriptTask, index: number): boolean {
  const { machine } = p;
  const { linux } = machine;
  const { vcpu } = task;
  switch (step.op) {
    case "nop":
    case "fpu":
      return true;
    case "syscalls":
      for (let i = 0; i < step.calls; i++) p.tasks.call(task);
      return true;
    case "mmap":
      call(p, vcpu, () => mmap(p, vcpu, step, index));
      return true;
    case "touch":
      touch(p, vcpu, step, index);
      return true;
    case "kread": {
      const { start, pages } = part(p, step, index);
      call(p, vcpu, () => {
        for (let page = start; page < start + pages; page++)
          machine.touch(vcpu, page as Vpn, ACCESS_WRITE, true);
      });
      return true;
    }
    case "munmap": {
      const { start, pages } = part(p, step, index);
      call(p, vcpu, () => sys.sys_munmap(linux, vcpu, start, pages));
      return true;
    }
    case "mprotect": {
      const { start, pages } = part(p, step, index);
      call(p, vcpu, () => sys.sys_mprotect(linux, vcpu, start, pages, PROT[step.prot]));
      return true;
    }
    case "mprotect_flip": {
      const { start, pages } = part(p, step, index);
      for (let round = 0; round < step.rounds; round++) {
        call(p, vcpu, () => sys.sys_mprotect(linux, vcpu, start, pages, PROT[step.prot_a]));
        call(p, vcpu, () => sys.sys_mprotect(linux, vcpu, start, pages, PROT[step.prot_b]));
      }
      return true;
    }
    case "mlock": {
      const { start, pages } = part(p, step, index);
      call(p, vcpu, () => sys.sys_mlock(linux, vcpu, start, pages));
      return true;
    }
    case "madvise": {
      const { start, pages } = part(p, step, index);
      call(p, vcpu, () => sys.sys_madvise(linux, vcpu, start, pages, ADVICE[step.advice]));
      return true;
    }
    case "mremap": {
      const { start, pages } = part(p, step, index);
      const to = regionStart(p, step.to, index) + step.to_from;
      const count = step.new_count ?? pages;
      const overlap = start < to + count && to < start + pages; // MREMAP_FIXED: -EINVAL
      call(p, vcpu, () => !overlap && sys.sys_mremap(linux, vcpu, start, pages, count, to));
      return true;
    }
    default:
      return false;
  }
}

/** One system call of the task that runs on `vcpu`. */
export function call(p: Player, vcpu: number, work: () => unknown): void {
  p.machine.syscall(vcpu);
  work();
  p.machine.return_to_user(vcpu);
}

function mmap(p: Player, vcpu: number, step: StepOf<"mmap">, index: number): void {
  const { linux } = p.machine;
  const { kind } = step;
  const { pages } = part(p, step, index);
  const shared = kind === "shared" || kind === "fileshared" ? VM_SHARED : 0;
  const file =
    kind === "shared"
      ? linux.files.open(linux.pages, pages, false)
      : kind === "file" || kind === "fileshared"
        ? p.scriptFile
        : NO_FILE;
  sys.sys_mmap(linux, vcpu, {
    start: regionStart(p, step.region, index),
    pages,
    flags: PROT[step.prot] | shared | (kind === "stack" ? VM_GROWSDOWN : 0),
    file,
    pgoff: 0,
    noreplace: true,
    populate: step.populate,
  });
}

function touch(p: Player, vcpu: number, step: StepOf<"touch">, index: number): void {
  const { start, pages } = part(p, step, index);
  const access = step.access === "read" ? ACCESS_READ : ACCESS_WRITE;
  for (const page of order(step, pages)) p.machine.touch(vcpu, (start + page) as Vpn, access);
}

/** Pages of a touch in the order they are touched. */
export function* order(step: StepOf<"touch">, pages: number): Generator<number> {
  const { order: by, stride } = step;
  if (typeof by === "object") {
    // a generator of 64 bits, as FORMAT.md states it; far from any hot loop
    let x = BigInt.asUintN(64, BigInt(by.random + 2) * 0x9e3779b97f4a7c15n + 1n);
    for (let i = 0; i < by.touches; i++) {
      x = BigInt.asUintN(64, x ^ (x << 13n));
      x ^= x >> 7n;
      x = BigInt.asUintN(64, x ^ (x << 17n));
      yield Number(x % BigInt(pages));
    }
    return;
  }
  const last = pages - 1 - ((pages - 1) % stride);
  if (by === "up") for (let page = 0; page < pages; page += stride) yield page;
  else for (let page = last; page >= 0; page -= stride) yield page;
}

/** The part of a region that a step names. */
export function part(
  p: Player,
  step: { readonly region: string; readonly from?: number | undefined; readonly count?: number | undefined },
  index: number,
): { start: number; pages: number } {
  const from = step.from ?? 0;
  const pages = step.count ?? region(p, step.region, index).pages - from;
  if (pages <= 0)
    p.bad(index, `has ${pages} pages of region ${step.region}`, "give from and count inside it");
  return { start: regionStart(p, step.region, index) + from, pages };
}

export function regionStart(p: Player, name: string, index: number): number {
  const { slot, page } = region(p, name, index);
  return slot * SLOT_PAGES + page;
}

function region(p: Player, name: string, index: number): { slot: number; page: number; pages: number } {
  const found = p.script.regions[name];
  if (found === undefined) p.bad(index, `there is no region ${name}`, "name one of `regions`");
  return found;
}
