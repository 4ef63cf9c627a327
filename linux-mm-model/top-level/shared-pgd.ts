/**
 * Linux 6.1: all threads of a process run on mm->pgd, and every CPU starts on swapper_pg_dir.
 *
 * Also what a new design extends, if it departs from 6.1 in a few places: methods take what the interface gives them.
 */
import type { Rc } from "../../abi/errno.js";
import { NEXT } from "../../abi/path.js";
import type { Linux } from "../linux.js";
import { INIT_MM } from "../mm-struct.js";
import { load_base_pointers } from "../xen/base-pointers.js";
import type { TopLevelDesign } from "./design.js";

export class SharedPgd implements TopLevelDesign {
  readonly loadsReference: boolean = true;
  readonly unlazy: boolean = false;

  pgd_of(k: Linux, _cpu: number, mm: number, _task: number): number {
    return k.mms.pgd[mm]!;
  }

  belongs(k: Linux, mm: number, pgd: number): boolean {
    return k.mms.pgd[mm] === pgd;
  }

  load(k: Linux, cpu: number, _mm: number, pgd: number): void {
    load_base_pointers(k, cpu, pgd);
  }

  may_load(_k: Linux, _cpu: number, _mm: number): boolean {
    return true;
  }

  loaded(_k: Linux, _cpu: number, _task: number): number {
    return 0;
  }

  issued(_k: Linux, _cpu: number): void {}

  propagate(_k: Linux, _cpu: number, _mm: number, _slot: number, _frame: number, _flags: number): void {}

  is_in_step(): boolean {
    return true;
  }

  sync_fault(_k: Linux, _cpu: number, _task: number, _vpn: number): boolean {
    return false;
  }

  pinned(_k: Linux, _cpu: number, _mm: number): Rc {
    return 0;
  }

  unpin(_k: Linux, _cpu: number, _mm: number): number {
    return 0;
  }

  thread_create(_k: Linux, _cpu: number, _mm: number, _task: number): Rc {
    return 0;
  }

  begin_drop(_k: Linux, _cpu: number, _pgd: number): number {
    return NEXT;
  }

  end_drop(_k: Linux, _pgd: number): void {}

  thread_free(_k: Linux, _task: number): number {
    return 0;
  }

  hardware_pgd(k: Linux, cpu: number): number {
    return k.percpu.xen_cr3[cpu]!;
  }

  pairs(): number {
    return 0;
  }

  replicas(_k: Linux, _visit: (pgd: number) => void): void {}

  cpu_up(_k: Linux, _by: number, _cpu: number): Rc {
    return 0;
  }

  start_pgd(k: Linux, _cpu: number): number {
    return k.mms.pgd[INIT_MM]!;
  }

  cpu_down(_k: Linux, _by: number, _cpu: number): number {
    return 0;
  }
}
