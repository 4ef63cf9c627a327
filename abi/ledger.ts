/**
 * The ledger: how often each event happened, on which vCPU, and because of what.
 *
 * Both twins and the processor write it, so it lies where all may import it; pricing it is the business of
 * experiments/costs. It is part of the machine's state, and so of each snapshot.
 *
 * Shape: counts  Float64Array  [vcpu][cause][event]; exact up to 2^53
 *        cause   Uint8Array    per vCPU: CAUSE_* of what it is doing now
 *        held    Uint8Array    per vCPU: the cause stays, whatever is entered
 */
import { EV, EVENT_NAMES, NR_EVENTS, type EventName } from "./events.js";
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
export const CAUSE = Object.freeze(Object.fromEntries(CAUSES.map((name, i) => [name, i]))) as Readonly<
  Record<Cause, number>
>;

/**
 * Events that happen together, each as often as `given` says: what the one-piece forms of long paths count, in one loop.
 *
 * Shape: event  Uint16Array  EV_*, in the order given
 *        often  Uint16Array  how often each
 */
export class Tally {
  readonly event: Uint16Array;
  readonly often: Uint16Array;

  constructor(given: EventCounts) {
    const names = Object.keys(given) as EventName[];
    this.event = Uint16Array.from(names, (name) => EV[name]);
    this.often = Uint16Array.from(names, (name) => given[name]!);
  }
}

export class Ledger {
  readonly counts: Float64Array;
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
    this.counts = state.f64(nrVcpus * CAUSES.length * NR_EVENTS);
    this.cause = state.u8(nrVcpus);
    this.held = state.u8(nrVcpus);
  }

  /** Bytes that the ledger takes in the state. */
  static bytes(nrVcpus: number): number {
    return nrVcpus * (CAUSES.length * NR_EVENTS * 8 + 16) + 16;
  }

  /** Count `n` of event `event` (EV.*) on `vcpu`, under its present cause. */
  count(vcpu: number, event: number, n: number): void {
    const at = (vcpu * CAUSES.length + this.cause[vcpu]!) * NR_EVENTS + event;
    this.counts[at] = this.counts[at]! + n * this.times;
  }

  /** Count all of `tally` on `vcpu`, under its present cause. No refills: NestedLedger sees them one by one. */
  countAll(vcpu: number, tally: Tally): void {
    const { counts, times } = this;
    const { event, often } = tally;
    const row = (vcpu * CAUSES.length + this.cause[vcpu]!) * NR_EVENTS;
    for (let i = 0; i < event.length; i++) {
      const at = row + event[i]!;
      counts[at] = counts[at]! + often[i]! * times;
    }
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
    this.counts.fill(0);
  }

  /** Count of an event over all vCPUs and causes. */
  total(name: EventName): number {
    const event = EVENT_NAMES.indexOf(name);
    let sum = 0;
    for (let at = event; at < this.counts.length; at += NR_EVENTS) sum += this.counts[at]!;
    return sum;
  }

  /** All events of one vCPU, or of all, but for those of the causes `without`: {NAME: count}, zeros left out. */
  collect(vcpu?: number, ...without: number[]): EventCounts {
    const sums = new Float64Array(NR_EVENTS);
    const first = vcpu === undefined ? 0 : vcpu;
    const last = vcpu === undefined ? this.nrVcpus - 1 : vcpu;
    const rows = CAUSES.length;
    for (let row = first * rows; row < (last + 1) * rows; row++) {
      if (without.includes(row % rows)) continue;
      for (let event = 0; event < NR_EVENTS; event++) sums[event]! += this.counts[row * NR_EVENTS + event]!;
    }
    return named(sums);
  }

  /** Events by cause, over all vCPUs: {CAUSE: {NAME: count}}, zeros left out. */
  collectByCause(): Partial<Record<Cause, EventCounts>> {
    const result: Partial<Record<Cause, EventCounts>> = {};
    CAUSES.forEach((cause, c) => {
      const sums = new Float64Array(NR_EVENTS);
      for (let vcpu = 0; vcpu < this.nrVcpus; vcpu++) {
        const row = (vcpu * CAUSES.length + c) * NR_EVENTS;
        for (let event = 0; event < NR_EVENTS; event++) sums[event]! += this.counts[row + event]!;
      }
      const events = named(sums);
      if (Object.keys(events).length > 0) result[cause] = events;
    });
    return result;
  }
}

/**
 * The ledger of processors under EPT: each refill of theirs is a nested one too: a walk of two tables.
 */
export class NestedLedger extends Ledger {
  override count(vcpu: number, event: number, n: number): void {
    super.count(vcpu, event, n);
    if (event === EV.refill_user) super.count(vcpu, EV.refill_user_nested, n);
    else if (event === EV.refill_kernel) super.count(vcpu, EV.refill_kernel_nested, n);
  }
}

function named(sums: Float64Array): EventCounts {
  const result: EventCounts = {};
  EVENT_NAMES.forEach((name, event) => {
    if (sums[event] !== 0) result[name] = sums[event]!;
  });
  return result;
}
