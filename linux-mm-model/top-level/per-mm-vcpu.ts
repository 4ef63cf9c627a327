/**
 * A pair of L4s for each (mm, vCPU): a thread runs on the pair of the vCPU that it runs on.
 *
 * Pairs are made for all online vCPUs when an mm is pinned, at the end of fork and at exec, since a switch has IRQs
 * off and cannot allocate; and for all mms when a vCPU comes up. A vCPU that idles or runs a kernel thread keeps the
 * pair of its last mm, which no other vCPU ever loads, so lazy TLB needs no rule of its own. init_mm has an L4
 * per vCPU too. Populated slots reach the other pairs at once ("eager") or when a thread faults there ("fault").
 *
 * Mirrors: nothing upstream; NetBSD/amd64's per-CPU kernel-mode L4 for one pmap at a time comes near
 *          (sys/arch/xen/x86/cpu.c).
 */
import { EBUSY, type Rc } from "../../abi/errno.js";
import { BLOCKED, DONE, NEXT } from "../../abi/path.js";
import type { State } from "../../abi/state.js";
import type { LinuxConfig } from "../config.js";
import type { Linux } from "../linux.js";
import { INIT_MM } from "../mm-struct.js";
import { load_base_pointers } from "../xen/base-pointers.js";
import { MORE } from "../mm-life.js";
import type { TopLevelDesign } from "./design.js";
import { drop_pair, fan_out, make_init_pgd, make_pair, is_pair_in_step, sync_loaded_pair } from "./pair.js";

/**
 * Shape: pair_pgd  Uint32Array  [mm][cpu] kernel-mode L4 of the pair, 0 for none
 *        init_pgd  Uint32Array  [cpu] L4 of init_mm
 *        used      Uint32Array  [0] pairs in use
 */
export class PerMmVcpu implements TopLevelDesign {
  readonly loadsReference = false;
  readonly unlazy = false;
  private readonly eager: boolean;
  private readonly nrCpus: number;
  readonly pair_pgd: Uint32Array;
  private readonly init_pgd: Uint32Array;
  readonly used: Uint32Array;

  constructor(state: State, config: LinuxConfig) {
    this.eager = config.sync === "eager";
    this.nrCpus = config.nrCpus;
    this.pair_pgd = state.u32(config.maxMms * config.nrCpus);
    this.init_pgd = state.u32(config.nrCpus);
    this.used = state.u32(1);
  }

  hardware_pgd(k: Linux, cpu: number): number {
    return k.percpu.xen_cr3[cpu]!;
  }

  pairs(): number {
    return this.used[0]!;
  }

  replicas(k: Linux, visit: (pgd: number) => void): void {
    for (const pgd of this.pair_pgd) if (pgd !== 0) visit(pgd);
    for (const pgd of this.init_pgd) if (pgd !== 0 && pgd !== k.mms.pgd[INIT_MM]) visit(pgd);
  }

  start_pgd(_k: Linux, cpu: number): number {
    return this.init_pgd[cpu]!;
  }

  /** CPU 0 boots on swapper_pg_dir, which stays its own. */
  cpu_up(k: Linux, by: number, cpu: number): Rc {
    if (cpu === 0) {
      this.init_pgd[0] = k.mms.pgd[INIT_MM]!;
      return 0;
    }
    if (this.init_pgd[cpu] === 0) {
      const pgd = make_init_pgd(k, by);
      if (pgd < 0) return pgd;
      this.init_pgd[cpu] = pgd;
    }
    for (let mm = INIT_MM + 1; mm < k.mms.max; mm++) {
      if (k.mms.page_table_lock[mm] === by + 1) k.mms.unlock_page_table(mm); // its pair is pinned
      if (k.mms.used[mm] === 0 || k.mms.pinned[mm] === 0 || this.pgd_of(k, cpu, mm) !== 0) continue;
      // who edits a slot finds the pair listed and pinned, or neither
      if (!k.mms.lock_page_table(mm, by)) return -EBUSY;
      const rc = this.add_pair(k, by, mm, cpu);
      if (rc === 0) return MORE;
      k.mms.unlock_page_table(mm);
      return rc;
    }
    return 0;
  }

  cpu_down(k: Linux, _by: number, cpu: number): number {
    for (let mm = INIT_MM + 1; mm < k.mms.max; mm++) {
      const pgd = this.pgd_of(k, cpu, mm);
      if (pgd !== 0) return pgd;
    }
    return 0;
  }

  pgd_of(_k: Linux, cpu: number, mm: number): number {
    return mm === INIT_MM ? this.init_pgd[cpu]! : this.pair_pgd[mm * this.nrCpus + cpu]!;
  }

  belongs(k: Linux, mm: number, pgd: number): boolean {
    if (k.mms.pgd[mm] === pgd) return true;
    for (let cpu = 0; cpu < this.nrCpus; cpu++) {
      if (this.pair_pgd[mm * this.nrCpus + cpu] === pgd) return true;
    }
    return false;
  }

  load(k: Linux, cpu: number, _mm: number, pgd: number): void {
    load_base_pointers(k, cpu, pgd);
  }

  may_load(): boolean {
    return true;
  }

  loaded(): number {
    return 0;
  }

  issued(): void {}

  propagate(k: Linux, cpu: number, mm: number, slot: number, frame: number, flags: number): void {
    for (let other = 0; other < this.nrCpus; other++) {
      const pgd = this.pair_pgd[mm * this.nrCpus + other]!;
      if (pgd !== 0) fan_out(k, cpu, pgd, slot, frame, flags, this.eager);
    }
  }

  is_in_step(k: Linux, cpu: number, mm: number, vpn: number): boolean {
    return is_pair_in_step(k, cpu, mm, vpn);
  }

  sync_fault(k: Linux, cpu: number, task: number, vpn: number): boolean {
    return sync_loaded_pair(k, cpu, k.tasks.mm[task]!, vpn);
  }

  /** A pair, for the first online CPU that lacks one, from `cpu` on. */
  pinned(k: Linux, cpu: number, mm: number): Rc {
    for (let i = 0; i < this.nrCpus; i++) {
      const other = (cpu + i) % this.nrCpus;
      if (k.percpu.online[other] === 0 || this.pair_pgd[mm * this.nrCpus + other] !== 0) continue;
      const rc = this.add_pair(k, cpu, mm, other);
      if (rc === 0) return MORE;
      for (let pgd = this.unpin(k, cpu, mm); pgd !== 0; pgd = this.unpin(k, cpu, mm)) drop_pair(k, cpu, pgd);
      return rc;
    }
    return 0;
  }

  unpin(_k: Linux, cpu: number, mm: number): number {
    for (let i = 0; i < this.nrCpus; i++) {
      const pgd = this.pair_pgd[mm * this.nrCpus + ((cpu + i) % this.nrCpus)]!;
      if (pgd !== 0) return pgd;
    }
    return 0;
  }

  begin_drop(k: Linux, cpu: number, pgd: number): number {
    if (!this.pair_pgd.includes(pgd)) return DONE;
    return k.mms.lock_page_table(this.mm_of(pgd), cpu) ? NEXT : BLOCKED;
  }

  end_drop(k: Linux, pgd: number): void {
    k.mms.unlock_page_table(this.mm_of(pgd));
    this.pair_pgd[this.pair_pgd.indexOf(pgd)] = 0;
    this.used[0]!--;
  }

  private mm_of(pgd: number): number {
    return Math.floor(this.pair_pgd.indexOf(pgd) / this.nrCpus);
  }

  thread_create(): Rc {
    return 0;
  }

  thread_free(): number {
    return 0;
  }

  private add_pair(k: Linux, by: number, mm: number, cpu: number): Rc {
    const pgd = make_pair(k, by, mm);
    if (pgd < 0) return pgd;
    this.pair_pgd[mm * this.nrCpus + cpu] = pgd;
    this.used[0]!++;
    return 0;
  }
}
