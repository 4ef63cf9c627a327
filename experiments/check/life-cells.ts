/** What a checked state keeps besides where L4s come and go: who is there, which L4s are, and who is asked to leave tables. */
import { NO_MM } from "../../linux-mm-model/mm-struct.js";
import { PerMmVcpu } from "../../linux-mm-model/top-level/per-mm-vcpu.js";
import { PerThread } from "../../linux-mm-model/top-level/per-thread.js";
import { CSD_leave_pair } from "../../linux-mm-model/xen/leave-tables.js";
import { type Cells, CPU, MM, TASK } from "./cells.js";
import type { FrameNames } from "./frame-names.js";
import type { PvRegisters } from "./registers.js";
import type { Renaming } from "./renaming.js";
import { firstThread } from "./bounds.js";
import { type Scene } from "./scene.js";

/** Fields of rows that come and go, in the order of `renaming`. */
export function lifeCells(c: Cells, { machine, bounds }: Scene, regs: PvRegisters, renaming: Renaming): void {
  const { linux } = machine;
  const { mms, tasks, top } = linux;
  c.u8(regs.forksLeft, 0);
  for (const mm of renaming.mms) {
    c.u8(mms.used, mm);
    c.u8(mms.pinned, mm);
    c.frame(mms.pgd, mm);
    c.frame(mms.user_pgd, mm);
    if (!(top instanceof PerMmVcpu)) continue;
    for (const cpu of renaming.vcpus) c.frame(top.pair_pgd, mm * bounds.vcpus + cpu);
  }
  for (const task of renaming.tasks) {
    if (task < firstThread(bounds)) continue;
    c.u8(tasks.used, task);
    c.u8(tasks.dead, task);
    c.frame(tasks.pgd, task);
    c.frame(tasks.user_pgd, task);
  }
  if (top instanceof PerMmVcpu) c.i32(top.used, 0);
  if (!(top instanceof PerThread)) return;
  for (let row = firstThread(bounds); row < top.pair_pgd.length; row++) {
    c.frame(top.pair_pgd, row);
    c.i32(top.pair_mm, row, MM);
  }
}

/** Who is up, and which CPU another deals with. */
export function plugCells(c: Cells, { machine }: Scene, regs: PvRegisters, { vcpus }: Renaming): void {
  const { linux, xen } = machine;
  c.u8(regs.downsLeft, 0);
  for (const cpu of vcpus) {
    c.u8(regs.plug, cpu);
    c.u8(linux.percpu.online, cpu);
    c.u8(xen.vcpus.up, cpu);
    c.i32(linux.life.cpu, cpu, CPU);
  }
}

/** Registers of a path that pins an mm or takes it down, or drops a pair. */
export function lifeRegisters(c: Cells, { machine }: Scene, cpu: number): void {
  const { life, regs } = machine.linux;
  c.i32(life.mm, cpu, MM);
  c.i32(life.task, cpu, TASK);
  c.i32(regs.prev_mm, cpu, MM);
  c.frame(life.pgd, cpu);
}

/** What a CPU is asked to leave. */
export function writeCall(
  { machine }: Scene,
  cpu: number,
  to: Uint8Array,
  p: number,
  map: Uint8Array,
  names: FrameNames,
): number {
  const { fn, data } = machine.linux.csd;
  to[p] = fn[cpu]!;
  to[p + 1] = fn[cpu] === 0 ? 0 : fn[cpu] === CSD_leave_pair ? names.name(data[cpu]!) : map[MM + data[cpu]!]!;
  return p + 2;
}

export function readCall(
  { machine }: Scene,
  cpu: number,
  from: Uint8Array,
  p: number,
  names: FrameNames,
): number {
  const { fn, data } = machine.linux.csd;
  fn[cpu] = from[p]!;
  data[cpu] = fn[cpu] === CSD_leave_pair ? names.meet(from[p + 1]!) : from[p + 1]!;
  return p + 2;
}

/** Tables that wait for their flush behind the first: an mm that goes has one for each slot. */
export function writeBatch(
  { machine }: Scene,
  cpu: number,
  to: Uint8Array,
  at: number,
  names: FrameNames,
): number {
  const { gather, pages } = machine.linux;
  let p = at;
  for (let i = 1, table = gather.batch[cpu]!; i < gather.tables[cpu]!; i++) {
    table = pages.next[table]!;
    to[p++] = names.name(table);
  }
  return p;
}

export function readBatch(
  { machine }: Scene,
  cpu: number,
  from: Uint8Array,
  at: number,
  names: FrameNames,
): number {
  const { gather, pages } = machine.linux;
  let p = at;
  for (let i = 1; i < gather.tables[cpu]!; i++) {
    const table = names.meet(from[p++]!);
    pages.next[gather.last[cpu]!] = table;
    pages.next[table] = 0;
    gather.last[cpu] = table;
  }
  return p;
}

/** Rows that are free again say nothing. */
export function tidy({ machine, bounds }: Scene, regs: PvRegisters): void {
  const { mms, tasks } = machine.linux;
  for (let mm = 1; mm <= bounds.mms; mm++) {
    if (mms.used[mm] !== 0) continue;
    mms.mm_users[mm] = mms.mm_count[mm] = mms.cpumask[mm] = mms.tlb_flush_pending[mm] = 0;
    mms.pinned[mm] = mms.nr_puds[mm] = 0;
    regs.mapped[mm] = 0;
  }
  for (let task = firstThread(bounds); task < firstThread(bounds) + bounds.threads; task++) {
    if (tasks.used[task] !== 0) continue;
    tasks.mm[task] = tasks.active_mm[task] = NO_MM;
    tasks.on_cpu[task] = -1;
    tasks.dead[task] = tasks.lazy_mmu[task] = 0;
    tasks.pgd[task] = tasks.user_pgd[task] = 0;
    regs.opsLeft[task] = 0;
  }
}
