/**
 * The ledger: how often each event happened, on which vCPU, and because of what.
 *
 * Both twins and the processor write it, so it lies where all may import it; pricing it is the business of
 * experiments/costs. It is part of the machine's state, and so of each snapshot.
 *
 * Shape: settled  Float64Array  [vcpu][cause][event]: counts; exact up to 2^53
 *        tallied  Float64Array  [vcpu][cause][tally]: how often each tally was counted since, which settle() makes counts of
 *        cause    Uint8Array    per vCPU: CAUSE_* of what it is doing now
 *        held     Uint8Array    per vCPU: the cause stays, whatever is entered
 */
import { EV, EVENT_NAMES, NR_EVENTS, type EventName } from "./events.js";
import { numbered } from "./numbered.js";
import type { State } from "./state.js";

/** What the guest was asked to do when an event happened. */
export const CAUSES = [
  "boot",
  "syscall",
  "fault",
  "switch",
  "fork",
  "exec",
  "exit",
  "thread_create",
  "thread_exit",
  "mmap",
  "munmap",
  "mprotect",
  "brk",
  "mremap",
  "madvise",
  "irq",
  "idle",
  "text_poke",
  "suspend",
  "hotplug",
  "rcu",
  "kthread",
  "unseen",
  "test",
] as const;

/** A cause of events, by name. */
export type Cause = (typeof CAUSES)[number];

/** How often each event happened; one that never did may be missing. */
export type EventCounts = Partial<Record<EventName, number>>;

/** The number of each cause. */
export const CAUSE = numbered(CAUSES);

/** Tallies that there can be: an odd number, so that the rows of vCPUs are not all in the same few sets of a cache. */
const MAX_TALLIES = 63;

/**
 * Events that happen together, each as often as `given` says: what the one-piece forms of long paths count. Counting one is a
 * single addition; who reads the ledger makes events of it.
 *
 * Shape: event  Uint16Array  EV_*, in the order given
 *        often  Uint16Array  how often each
 */
export class Tally {
  private static readonly all: Tally[] = [];
  private static nrFrequent = 0;
  readonly event: Uint16Array;
  readonly often: Uint16Array;
  /** Its place in Ledger.tallied. */
  readonly id: number;

  private constructor(given: EventCounts, id: number) {
    const names = Object.keys(given) as EventName[];
    this.event = Uint16Array.from(names, (name) => EV[name]);
    this.often = Uint16Array.from(names, (name) => given[name]!);
    this.id = id;
    if (Tally.all.length === MAX_TALLIES)
      throw new RangeError(`Tally: ${MAX_TALLIES} tallies are there; raise MAX_TALLIES`);
    Tally.all.push(this);
  }

  /** The tally of these events: one object, however often it is asked for. */
  static of(given: EventCounts): Tally {
    return Tally.find(given) ?? new Tally(given, MAX_TALLIES - 1 - (Tally.all.length - Tally.nrFrequent));
  }

  /** The same, of what each system call or switch counts: these lie side by side, in one or two lines of a cache. */
  static frequent(given: EventCounts): Tally {
    return Tally.find(given) ?? new Tally(given, Tally.nrFrequent++);
  }

  private static find(given: EventCounts): Tally | undefined {
    const names = Object.keys(given) as EventName[];
    const is = ({ event, often }: Tally): boolean =>
      event.length === names.length &&
      names.every((name, i) => event[i] === EV[name] && often[i] === given[name]);
    return Tally.all.find(is);
  }

  /** All there are. */
  static get list(): readonly Tally[] {
    return Tally.all;
  }
}

export class Ledger {
  /** But for what is in `tallied`. */
  private readonly settled: Float64Array;
  private readonly tallied: Float64Array;
  readonly cause: Uint8Array;
  private readonly held: Uint8Array;
  /**
   * What happens now stands for so many of it. For a caller who knows that each would leave what the first left, all
   * but the counts; not part of the state.
   */
  times = 1;

  constructor(
    state: State,
    readonly nrVcpus: number,
  ) {
    this.settled = state.f64(nrVcpus * CAUSES.length * NR_EVENTS);
    this.tallied = state.f64(nrVcpus * CAUSES.length * MAX_TALLIES);
    this.cause = state.u8(nrVcpus);
    this.held = state.u8(nrVcpus);
  }

  /** Bytes that the ledger takes in the state. */
  static bytes(nrVcpus: number): number {
    return nrVcpus * (CAUSES.length * (NR_EVENTS + MAX_TALLIES) * 8 + 16) + 16;
  }

  /** Count `n` of event `event` (EV.*) on `vcpu`, under its present cause. */
  count(vcpu: number, event: number, n: number): void {
    this.add(vcpu * CAUSES.length + this.cause[vcpu]!, event, n * this.times);
  }

  /** Count all of `tally` on `vcpu`, under its present cause. */
  countAll(vcpu: number, tally: Tally): void {
    const at = (vcpu * CAUSES.length + this.cause[vcpu]!) * MAX_TALLIES + tally.id;
    this.tallied[at] = this.tallied[at]! + this.times;
  }

  /** All counts. Shape: [vcpu][cause][event] */
  get counts(): Float64Array {
    this.settle();
    return this.settled;
  }

  /** Those of one vCPU and cause. Shape: [event] */
  row(vcpu: number, cause: number): Float64Array {
    const row = vcpu * CAUSES.length + cause;
    this.settleRow(row);
    return this.settled.subarray(row * NR_EVENTS, (row + 1) * NR_EVENTS);
  }

  /** Nothing is left in `tallied`: for who compares machines byte by byte. */
  settle(): void {
    for (let row = 0; row < this.nrVcpus * CAUSES.length; row++) this.settleRow(row);
  }

  private settleRow(row: number): void {
    const { tallied } = this;
    const { list } = Tally;
    for (const { id, event, often } of list) {
      const n = tallied[row * MAX_TALLIES + id]!;
      if (n === 0) continue;
      tallied[row * MAX_TALLIES + id] = 0;
      for (let i = 0; i < event.length; i++) this.add(row, event[i]!, often[i]! * n);
    }
  }

  /** Count `n` of an event in `row` of `settled`. */
  protected add(row: number, event: number, n: number): void {
    const at = row * NR_EVENTS + event;
    this.settled[at] = this.settled[at]! + n;
  }

  /** From now on, tell `told` of which vCPU and under which cause something is counted: for runs that are drawn, as it takes time. */
  watch(told: (vcpu: number, cause: number) => void): void {
    const count = this.count.bind(this);
    const countAll = this.countAll.bind(this);
    this.count = (vcpu, event, n) => {
      told(vcpu, this.cause[vcpu]!);
      count(vcpu, event, n);
    };
    this.countAll = (vcpu, tally) => {
      told(vcpu, this.cause[vcpu]!);
      countAll(vcpu, tally);
    };
  }

  /** Set what `vcpu` does from now on; returns what it did before, to be put back. */
  enter(vcpu: number, cause: number): number {
    const before = this.cause[vcpu]!;
    if (this.held[vcpu] === 0) this.cause[vcpu] = cause;
    return before;
  }

  /** Whatever `vcpu` does until release() is put down to `cause`. */
  hold(vcpu: number, cause: number): void {
    this.cause[vcpu] = cause;
    this.held[vcpu] = 1;
  }

  release(vcpu: number): void {
    this.held[vcpu] = 0;
  }

  /** Forget all counts, as after boot. */
  clear(): void {
    this.settled.fill(0);
    this.tallied.fill(0);
  }

  /** Count of an event over all vCPUs and causes. */
  total(name: EventName): number {
    const { counts } = this;
    const event = EVENT_NAMES.indexOf(name);
    let sum = 0;
    for (let at = event; at < counts.length; at += NR_EVENTS) sum += counts[at]!;
    return sum;
  }

  /** All events of one vCPU, or of all, but for those of the causes `without`: {NAME: count}, zeros left out. */
  collect(vcpu?: number, ...without: number[]): EventCounts {
    return named(this.sums(vcpu, ...without));
  }

  /** The same, zeros and all. Shape: [event] */
  sums(vcpu?: number, ...without: number[]): Float64Array {
    const sums = new Float64Array(NR_EVENTS);
    const first = vcpu === undefined ? 0 : vcpu;
    const last = vcpu === undefined ? this.nrVcpus - 1 : vcpu;
    const rows = CAUSES.length;
    for (let row = first * rows; row < (last + 1) * rows; row++) {
      if (!without.includes(row % rows)) this.addRow(sums, row);
    }
    return sums;
  }

  /** Events by cause, over all vCPUs: {CAUSE: {NAME: count}}, zeros left out. */
  collectByCause(): Partial<Record<Cause, EventCounts>> {
    const result: Partial<Record<Cause, EventCounts>> = {};
    for (const cause of CAUSES) {
      const sums = new Float64Array(NR_EVENTS);
      for (let vcpu = 0; vcpu < this.nrVcpus; vcpu++) this.addRow(sums, vcpu * CAUSES.length + CAUSE[cause]);
      const events = named(sums);
      if (Object.keys(events).length > 0) result[cause] = events;
    }
    return result;
  }

  private addRow(sums: Float64Array, row: number): void {
    this.settleRow(row);
    const { settled } = this;
    for (let event = 0; event < NR_EVENTS; event++) sums[event]! += settled[row * NR_EVENTS + event]!;
  }
}

/**
 * The ledger of processors under EPT: each refill of theirs is a nested one too: a walk of two tables.
 */
export class NestedLedger extends Ledger {
  protected override add(row: number, event: number, n: number): void {
    super.add(row, event, n);
    if (event === EV.refill_user) super.add(row, EV.refill_user_nested, n);
    else if (event === EV.refill_kernel) super.add(row, EV.refill_kernel_nested, n);
  }
}

/** {NAME: count} of counts by event, zeros left out. Shape: sums [event] */
export function named(sums: Float64Array): EventCounts {
  const result: EventCounts = {};
  for (let event = 0; event < NR_EVENTS; event++) {
    if (sums[event] !== 0) result[EVENT_NAMES[event]!] = sums[event]!;
  }
  return result;
}
