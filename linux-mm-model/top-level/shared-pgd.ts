/**
 * Linux 6.1: all threads of a process run on mm->pgd, and every CPU starts on swapper_pg_dir.
 */
import type { Linux } from "../linux.js";
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

  loaded(): void {}

  propagate(): void {}

  sync_fault(): boolean {
    return false;
  }

  pinned(): void {}

  unpin(): void {}

  thread_create(): number {
    return 0;
  }

  thread_free(): void {}

  pairs(): number {
    return 0;
  }

  boot(): void {}
}
