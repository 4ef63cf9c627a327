/**
 * Linux 6.1: all threads of a process run on mm->pgd, and every CPU starts on swapper_pg_dir.
 */
import type { Rc } from "../../abi/errno.js";
import type { Linux } from "../linux.js";
import { INIT_MM } from "../mm-struct.js";
import { load_base_pointers } from "../xen/base-pointers.js";
import type { TopLevelDesign } from "./design.js";

export class SharedPgd implements TopLevelDesign {
  readonly loadsReference = true;
  readonly unlazy = false;

  pgd_of(k: Linux, _cpu: number, mm: number): number {
    return k.mms.pgd[mm]!;
  }

  belongs(k: Linux, mm: number, pgd: number): boolean {
    return k.mms.pgd[mm] === pgd;
  }

  load(k: Linux, cpu: number, _mm: number, pgd: number): void {
    load_base_pointers(k, cpu, pgd);
  }

  loaded(): void {}

  propagate(): void {}

  sync_fault(): boolean {
    return false;
  }

  pinned(): Rc {
    return 0;
  }

  unpin(): void {}

  thread_create(): number {
    return 0;
  }

  thread_free(): void {}

  hardware_pgd(k: Linux, cpu: number): number {
    return k.percpu.xen_cr3[cpu]!;
  }

  pairs(): number {
    return 0;
  }

  replicas(): void {}

  cpu_up(): Rc {
    return 0;
  }

  start_pgd(k: Linux): number {
    return k.mms.pgd[INIT_MM]!;
  }

  cpu_down(): void {}
}
