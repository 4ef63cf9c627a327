/**
 * Runs an imported recording on a machine: each recorded event becomes what a computer would do to the
 * kernels at that moment, and the kernels do the rest.
 *
 * A task is in user mode when it traps. After a system call it stays in the kernel until the next event that can only
 * come from user mode; so a task that sleeps is switched away from inside the kernel, and each entry
 * from user mode has exactly one return.
 *
 * Differs: - tasks that were there before the recording began are set up when first seen, under cause "boot",
 *            which is not priced; VMAs of images are assumed (user-memory.ts);
 *          - tasks that never run user code are kernel threads, those that recorders call `other` too;
 *          - a system call of which the recording has no exit is entered, but changes no mapping;
 *          - an interrupt comes in the mode that the task was in by its last event: in the kernel, if that was the
 *            entry of a system call;
 *          - a fault whose page is mapped already in the model is delivered all the same: the recording had it;
 *          - faults on kernel addresses (vmalloc) are left out: they change no user table.
 */
import type { Vpn } from "../../abi/frames.js";
import { USER_LIMIT_VPN } from "../../abi/layout.js";
import { PFEC_insn_fetch, PFEC_user_mode, PFEC_write_access } from "../../abi/page.js";
import { CAUSE } from "../../abi/ledger.js";
import { NO_MM } from "../../linux-mm-model/mm-struct.js";
import { ACCESS_FETCH, ACCESS_READ, ACCESS_WRITE } from "../../xen-model/hw/control.js";
import type { Machine } from "../../machine/machine.js";
import {
  type EventChunk,
  isInterrupt,
  isSyscallEntry,
  isSyscallExit,
  KIND,
  PREV_UNINTERRUPTIBLE,
} from "../import/event.js";
import { Notes } from "./notes.js";
import { PromiseWatch } from "./promise.js";
import { TaskMap } from "./task-map.js";
import { UserMemory } from "./user-memory.js";

const CLONE_THREAD = 0x10000;
/** No address, or one beyond user space. */
const NOWHERE = -1;

/** The memory call that a task is in. */
interface Pending {
  kind: number;
  /** It waits for mmap_lock, by the state in which its task was switched away from. */
  blocked: boolean;
  /** When it got the lock, another task of the process was unmapping. */
  nested: boolean;
  readonly a: Float64Array;
}

/** Who is told of a run as it goes. */
export interface Follower {
  /** Row `i` of `chunk` has been run. */
  after(chunk: EventChunk, i: number): void;
  /**
   * Of system calls in a row, which change nothing but counts, from row `i` up to `last`: the next that it wants to hear of.
   * Who has no such method hears of all.
   */
  quiet?(chunk: EventChunk, i: number, last: number): number;
}

export class TraceRunner {
  readonly watch: PromiseWatch;
  private readonly tasks: TaskMap;
  private readonly user: UserMemory;
  private readonly pending = new Map<number, Pending>();
  private readonly assumed = new Notes();
  /** The recording has raw_syscalls:sys_enter, so the calls' own events are no entries. */
  private rawSyscalls = false;
  private events = 0;
  private topLevelPeak = 0;

  constructor(
    private readonly machine: Machine,
    private readonly follower?: Follower,
  ) {
    this.watch = new PromiseWatch(machine);
    this.tasks = new TaskMap(machine, this.assumed);
    this.user = new UserMemory(machine, this.assumed);
    this.watch.look(0);
    if (machine.config.proposal.xen.idle?.efi === true) this.callFirmware();
  }

  /** An EFI runtime call on each pCPU in turn, before the recording. */
  private callFirmware(): void {
    const { machine } = this;
    for (let cpu = 0; cpu < machine.config.geometry.nrCpus; cpu++) {
      const before = machine.ledger.enter(cpu, CAUSE.boot);
      machine.efi_runtime_call(cpu, () => this.watch.look(0));
      machine.ledger.enter(cpu, before);
    }
  }

  /** Run the events of a chunk. */
  consume(chunk: EventChunk): void {
    const { nrCpus } = this.machine.config.geometry;
    for (let i = 0; i < chunk.n; i++) {
      this.events++;
      if (chunk.cpu[i]! >= nrCpus || chunk.kind[i] === KIND.OTHER) continue;
      this.event(chunk, i);
      this.watch.look(this.events);
      if (this.follower !== undefined) this.follower.after(chunk, i);
      if (chunk.kind[i] === KIND.sys_enter) i = this.more_of_the_same(chunk, i);
    }
  }

  /**
   * The system calls that the task of row `i`, which made one, makes next, with nothing else on any CPU. A call is a way to user
   * mode and back; a second one finds all as the first found it but for what that one's flushes took, and leaves it so.
   * So the second is run, and counted for all of them; test/experiments/run/same-calls.test.ts holds that against the plain form,
   * one by one. Returns the last row that is done.
   */
  private more_of_the_same(chunk: EventChunk, i: number): number {
    const { follower } = this;
    if (follower !== undefined && follower.quiet === undefined) return i;
    const { kind, cpu, tid, tgid } = chunk;
    let last = i;
    while (
      last + 1 < chunk.n &&
      kind[last + 1] === KIND.sys_enter &&
      tid[last + 1] === tid[i] &&
      cpu[last + 1] === cpu[i] &&
      tgid[last + 1] === tgid[i]
    )
      last++;
    if (last - i < 2 || tid[i]! <= 0) return i;
    if (follower !== undefined) last = follower.quiet!(chunk, i + 1, last);
    const { ledger } = this.machine;
    ledger.times = last - i;
    this.event(chunk, i + 1);
    ledger.times = 1;
    this.watch.look(this.events + 1, last - i);
    this.events += last - i;
    if (follower !== undefined) follower.after(chunk, last);
    return last;
  }

  /** What was assumed, and how often. */
  notes(): { what: string; count: number }[] {
    return this.assumed.list();
  }

  /** Most bytes of top-level tables at one time: in the guest, and roots of Xen's own. */
  memory(): { guest: number; xen: number } {
    const { xen, host } = this.machine;
    const roots = xen.tables.design_bytes() + (host === xen ? 0 : host.tables.design_bytes()); // a shim's are Xen's too
    return { guest: this.topLevelPeak, xen: roots };
  }

  private event(chunk: EventChunk, i: number): void {
    const kind = chunk.kind[i]!;
    const cpu = chunk.cpu[i]!;
    const tid = chunk.tid[i]!;
    const tgid = chunk.tgid[i]!;
    if (kind === KIND.sys_enter) {
      this.rawSyscalls = true;
      this.enter(cpu, tid, tgid);
    } else if (kind === KIND.page_fault_user || kind === KIND.page_fault_kernel)
      this.fault(chunk, i, kind === KIND.page_fault_kernel);
    else if (kind === KIND.sched_switch) this.sched_switch(chunk, i);
    else if (isSyscallEntry(kind)) this.call(chunk, i);
    else if (isSyscallExit(kind)) this.result(chunk, i);
    else if (isInterrupt(kind)) this.interrupt(cpu, tid, tgid);
    else this.life(chunk, i);
  }

  /** User mode of a task enters the kernel. */
  private enter(cpu: number, tid: number, tgid: number): void {
    const { machine } = this;
    if (tid <= 0) return;
    this.tasks.run(cpu, tid, tgid, true);
    machine.next_syscall(cpu);
  }

  private call(chunk: EventChunk, i: number): void {
    const tid = chunk.tid[i]!;
    if (!this.rawSyscalls) this.enter(chunk.cpu[i]!, tid, chunk.tgid[i]!);
    let call = this.pending.get(tid);
    if (call === undefined) {
      call = { kind: 0, blocked: false, nested: false, a: new Float64Array(6) };
      this.pending.set(tid, call);
    }
    call.kind = chunk.kind[i]!;
    call.blocked = false;
    call.nested = false;
    for (let column = 0; column < 6; column++) call.a[column] = chunk.a[column]![i]!;
  }

  /** A call has returned: now it is known what it did. */
  private result(chunk: EventChunk, i: number): void {
    const tid = chunk.tid[i]!;
    const cpu = chunk.cpu[i]!;
    const value = chunk.a[0][i]!;
    const call = this.pending.get(tid);
    const kind = call?.kind ?? 0;
    if (call !== undefined) call.kind = 0;
    if (tid <= 0 || value < 0 || call === undefined || kind === 0) return;
    if (kind - KIND.sys_enter_mmap !== chunk.kind[i]! - KIND.sys_exit_mmap) return; // clone's child, or a lost exit
    this.tasks.run(cpu, tid, chunk.tgid[i]!, true);
    this.machine.enter_kernel(cpu);
    const { a } = call;
    switch (kind) {
      case KIND.sys_enter_mmap:
        return this.user.mmap(cpu, value, a[1]!, a[2]!, a[3]!, a[4]!, a[5]!);
      case KIND.sys_enter_munmap:
        return this.user.munmap(cpu, a[0]!, a[1]!);
      case KIND.sys_enter_mprotect:
        return this.user.mprotect(cpu, a[0]!, a[1]!, a[2]!);
      case KIND.sys_enter_brk:
        return this.user.brk(cpu, value);
      case KIND.sys_enter_mremap:
        return this.user.mremap(cpu, a[0]!, a[1]!, a[2]!, value);
      case KIND.sys_enter_madvise:
        return this.user.madvise(cpu, a[0]!, a[1]!, a[2]!, call.nested);
    }
  }

  private fault(chunk: EventChunk, i: number, kernel: boolean): void {
    const { machine } = this;
    const cpu = chunk.cpu[i]!;
    const tid = chunk.tid[i]!;
    const address = chunk.a[0][i]!;
    const page = address < 0 ? NOWHERE : Math.floor(address / 4096);
    if (tid <= 0 || page < 0 || page >= USER_LIMIT_VPN) return;
    const row = this.tasks.run(cpu, tid, chunk.tgid[i]!, true);
    let mm = machine.linux.tasks.mm[row]!;
    if (mm === NO_MM) return;
    const recorded = chunk.a[2][i]!;
    if (kernel && (recorded & PFEC_write_access) !== 0 && this.execs(tid)) {
      this.tasks.exec_writes(cpu);
      mm = machine.linux.tasks.mm[row]!;
    }
    this.tasks.place_stack(cpu, mm, page);
    if (this.user.permit(cpu, mm, page as Vpn, recorded)) this.tasks.had_tables(cpu, mm, page);
    if (kernel) machine.enter_kernel(cpu);
    else machine.return_to_user(cpu);
    const access =
      (recorded & PFEC_write_access) !== 0
        ? ACCESS_WRITE
        : (recorded & PFEC_insn_fetch) !== 0
          ? ACCESS_FETCH
          : ACCESS_READ;
    if (machine.touch(cpu, page as Vpn, access, kernel) > 0) return;
    this.assumed.add("faults on pages that the model had mapped already");
    machine.fault(cpu, page as Vpn, kernel ? recorded & ~PFEC_user_mode : recorded | PFEC_user_mode);
  }

  /** Is the task within execve? */
  private execs(tid: number): boolean {
    const kind = this.pending.get(tid)?.kind;
    return kind === KIND.sys_enter_execve || kind === KIND.sys_enter_execveat;
  }

  private sched_switch(chunk: EventChunk, i: number): void {
    const cpu = chunk.cpu[i]!;
    const prev = chunk.a[0][i]!;
    const next = chunk.a[1][i]!;
    this.tasks.run(cpu, prev, -1, false);
    this.tasks.switch_to(cpu, this.tasks.row(cpu, next, -1));
    if (chunk.a[2][i] === PREV_UNINTERRUPTIBLE) {
      const left = this.pending.get(prev);
      if (left !== undefined) left.blocked = true;
    }
    const taken = this.pending.get(next);
    if (taken !== undefined && taken.kind === KIND.sys_enter_madvise && taken.blocked)
      taken.nested = this.unmaps(next);
  }

  /**
   * Is another task of `tid`'s process within munmap? It lets others read-lock the mm before it unmaps
   * (mmap_write_downgrade()), so that one who waited finds its gather open.
   */
  private unmaps(tid: number): boolean {
    for (const [other, call] of this.pending) {
      if (other !== tid && call.kind === KIND.sys_enter_munmap && this.tasks.share(tid, other)) return true;
    }
    return false;
  }

  private interrupt(cpu: number, tid: number, tgid: number): void {
    if (tid <= 0) return;
    this.tasks.run(cpu, tid, tgid, false);
    this.machine.interrupt(cpu);
  }

  /** Tasks made, changed and ended. */
  private life(chunk: EventChunk, i: number): void {
    const cpu = chunk.cpu[i]!;
    const tid = chunk.tid[i]!;
    const [a0, a1] = [chunk.a[0][i]!, chunk.a[1][i]!];
    switch (chunk.kind[i]) {
      case KIND.task_newtask:
        if (tid > 0) this.tasks.run(cpu, tid, chunk.tgid[i]!, false);
        this.machine.enter_kernel(cpu);
        this.tasks.newtask(cpu, a0, a1, (a1 & CLONE_THREAD) !== 0);
        break;
      case KIND.sched_process_exec:
        this.tasks.run(cpu, a1, chunk.tgid[i]!, true);
        this.machine.enter_kernel(cpu);
        this.tasks.exec(cpu, a0, a1);
        break;
      case KIND.sched_process_exit:
        if (tid > 0) this.tasks.run(cpu, tid, chunk.tgid[i]!, false);
        this.machine.enter_kernel(cpu);
        this.tasks.exit(cpu, a0);
        this.pending.delete(a0);
        break;
      default:
        return;
    }
    this.measure();
  }

  /** Top-level tables in use now: the reference and user L4 of each mm, and what a design adds. */
  private measure(): void {
    const { mms } = this.machine.linux;
    let tables = 0;
    const { rows } = mms;
    for (let mm = 0; mm < rows; mm++) {
      if (mms.used[mm] !== 0) tables += mms.user_pgd[mm] !== 0 ? 2 : 1;
    }
    tables += 2 * this.machine.linux.top.pairs();
    this.topLevelPeak = Math.max(this.topLevelPeak, tables * 4096);
  }
}
