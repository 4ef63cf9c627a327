/**
 * The properties of a model, sorted by what is to be done about them in each state.
 */
import type { Model, Property } from "./model.js";

/** No property is violated. */
export const NONE = -1;

/**
 * Looks at the current state of a model.
 *
 * Shape: seen       a word per property: 1 + the depth at which a `sometimes` held first, 0 if it never did. Workers share it.
 *        violators  a word per property: 1 + the number of the first state that violates an `always`, 0 for none. Each
 *                   worker has its own.
 */
export class Watch {
  readonly seen: Int32Array;
  readonly violators: Uint32Array;
  /** By property: its violation ends the exploration. */
  readonly ends: readonly boolean[];
  /** Indexes of the `eventually` properties: bit i of misses() is the i-th of them. */
  readonly eventually: readonly number[];
  private readonly properties: readonly Property[];
  private always: number[];
  private sometimes: number[];

  /** `until`: names of the properties whose violation ends the exploration; undefined for all. */
  constructor(
    model: Model,
    until?: readonly string[],
    shared = new SharedArrayBuffer(4 * Math.max(1, model.properties.length)),
    violators: Uint32Array = new Uint32Array(model.properties.length),
  ) {
    const { properties } = model;
    this.properties = properties;
    this.ends = properties.map(({ name }) => until?.includes(name) ?? true);
    this.seen = new Int32Array(shared);
    this.violators = violators;
    this.always = ofKind(properties, "always");
    this.sometimes = ofKind(properties, "sometimes");
    this.eventually = ofKind(properties, "eventually");
  }

  /** Index of the first `always` property that does not hold in the current state, or NONE; notes each `sometimes` that does. */
  look(depth: number): number {
    const { always, properties, sometimes } = this;
    for (let i = 0; i < sometimes.length; i++) {
      if (properties[sometimes[i]!]!.holds()) this.note(sometimes[i]!, depth);
    }
    for (let i = 0; i < always.length; i++) {
      if (!properties[always[i]!]!.holds()) return always[i]!;
    }
    return NONE;
  }

  /**
   * As look(), for the state of that number, and notes which properties it is the first to violate. Returns false where
   * the exploration ends; what else is violated is looked at no more.
   */
  passes(depth: number, number: number): boolean {
    for (;;) {
      const violated = this.look(depth);
      if (violated === NONE) return true;
      this.violators[violated] = number + 1;
      if (this.ends[violated]!) return false;
      this.leaveOut(violated);
    }
  }

  /** Look at an `always` property no more. */
  leaveOut(property: number): void {
    this.always = this.always.filter((p) => p !== property);
  }

  /** The `eventually` properties that do not hold in the current state, a bit each. */
  misses(): number {
    const { eventually, properties } = this;
    let bits = 0;
    for (let i = 0; i < eventually.length; i++) {
      if (!properties[eventually[i]!]!.holds()) bits |= 1 << i;
    }
    return bits;
  }

  private note(property: number, depth: number): void {
    Atomics.compareExchange(this.seen, property, 0, depth + 1);
    this.sometimes = this.sometimes.filter((p) => p !== property);
  }
}

function ofKind(properties: readonly Property[], kind: Property["kind"]): number[] {
  return properties.flatMap((property, i) => (property.kind === kind ? [i] : []));
}
