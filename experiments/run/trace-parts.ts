/**
 * Records of the Trace Event Format, as documents of a limited size: where one is full, the next goes on.
 *
 * Mirrors: the JSON object form, which ui.perfetto.dev opens. Times are written in microseconds, three digits behind the point.
 */

/** One record of the format. Units: ts and dur microseconds. */
export interface TraceEvent {
  readonly name: string;
  readonly ph: "X" | "C" | "M";
  readonly ts: number;
  readonly pid: number;
  readonly tid: number;
  readonly dur?: number;
  readonly args?: Readonly<Record<string, string | number>>;
}

const HEAD = '{"displayTimeUnit":"ns","traceEvents":[\n';
const TAIL = "\n]}\n";

export class TraceParts {
  private readonly done: string[] = [];
  private records: string[] = [];
  private size = HEAD.length + TAIL.length;

  /** `names` go into each part; `limit` is in bytes. */
  constructor(
    private readonly names: readonly TraceEvent[],
    private readonly limit: number,
  ) {
    for (const name of names) this.add(name);
  }

  /** No more than a record or two of each lane fit into this part. */
  get isFull(): boolean {
    return this.size > this.limit * 0.98;
  }

  add(event: TraceEvent): void {
    const record = JSON.stringify(event);
    this.records.push(record);
    this.size += Buffer.byteLength(record) + 2; // names of tasks may have characters of several bytes
  }

  /** The next record begins a part of its own. */
  cut(): void {
    this.done.push(HEAD + this.records.join(",\n") + TAIL);
    this.records = [];
    this.size = HEAD.length + TAIL.length;
    for (const name of this.names) this.add(name);
  }

  /** All documents, in order of time. Nothing may be added afterwards. */
  documents(): readonly string[] {
    this.cut();
    return this.done;
  }
}
