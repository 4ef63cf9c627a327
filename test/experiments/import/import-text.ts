/** Import from a string instead of a file, and rows as objects: for tests, where speed does not matter. */
import { KINDS, Strings } from "../../../experiments/import/event.js";
import {
  type ImportOptions,
  type ImportReport,
  TraceImporter,
} from "../../../experiments/import/import-trace.js";

export interface Row {
  readonly kind: string;
  readonly cpu: number;
  readonly tid: number;
  readonly tgid: number;
  readonly time: number;
  readonly comm: string;
  readonly a: number[];
}

/** Arguments that an event of each kind has; the columns behind them are left over. */
const ARGUMENTS: Record<string, number> = {
  OTHER: 2,
  sched_switch: 3,
  sched_process_fork: 2,
  sched_process_exec: 2,
  sched_process_exit: 1,
  sched_migrate_task: 3,
  task_newtask: 2,
  task_rename: 2,
  page_fault_user: 3,
  page_fault_kernel: 3,
  sys_enter: 1,
  sys_enter_mmap: 6,
  sys_enter_munmap: 2,
  sys_enter_mprotect: 3,
  sys_enter_brk: 1,
  sys_enter_mremap: 5,
  sys_enter_madvise: 3,
  sys_enter_clone: 1,
};

function argumentsOf(kind: string): number {
  return ARGUMENTS[kind] ?? (/^sys_exit_|_entry$/.test(kind) ? 1 : 0);
}

export interface Imported {
  readonly rows: Row[];
  readonly report: ImportReport;
  readonly strings: Strings;
}

/** Import `bytes`, handed over in pieces that end at `cuts`. */
export function importBytes(
  bytes: Buffer,
  cuts: readonly number[] = [],
  options: ImportOptions = {},
): Imported {
  const rows: Row[] = [];
  const strings = new Strings();
  const importer = new TraceImporter("t.txt", { ...options, strings }, (chunk) => {
    for (let i = 0; i < chunk.n; i++) {
      const kind = KINDS[chunk.kind[i]!]!;
      rows.push({
        kind,
        cpu: chunk.cpu[i]!,
        tid: chunk.tid[i]!,
        tgid: chunk.tgid[i]!,
        time: chunk.time[i]!,
        comm: strings.text(chunk.comm[i]!),
        a: chunk.a.slice(0, argumentsOf(kind)).map((column) => column[i]!),
      });
    }
  });
  let from = 0;
  for (const to of [...cuts, bytes.length]) {
    const piece = Buffer.from(bytes.subarray(from, to));
    importer.push(piece);
    piece.fill(0); // a reader may use its buffer again
    from = to;
  }
  return { rows, strings, report: importer.finish({ gzip: false }) };
}

export function importText(text: string, options: ImportOptions = {}): Imported {
  return importBytes(Buffer.from(text), [], options);
}

/** The only event of `line`. */
export function importLine(line: string): Row {
  const { rows } = importText(`${line}\n`);
  if (rows.length !== 1) throw new Error(`${rows.length} rows`);
  return rows[0]!;
}
