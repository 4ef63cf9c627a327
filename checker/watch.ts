/**
 * The properties of a model, sorted by what is to be done about them in each state.
 */
import type { Model, Property } from "./model.js";

/** No property is violated. */
export const NONE = -1;

/**
 * Looks at the current state of a model.
 *
 * Shape: seen is a word per property: 1 + the depth at which a `sometimes` held first, 0 if it never did. Workers share it.
 */
export class Watch {
  readonly seen: Int32Array;
  /** Indexes of the `eventually` properties: bit i of misses() is the i-th of them. */
  readonly eventually: readonly number[];
  private readonly properties: readonly Property[];
  private readonly always: readonly number[];
  private sometimes: number[];

  constructor(model: Model, shared = new SharedArrayBuffer(4 * Math.max(1, model.properties.length))) {
    const { properties } = model;
    this.properties = properties;
    this.seen = new Int32Array(shared);
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
