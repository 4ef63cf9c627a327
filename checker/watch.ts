/**
 * The properties of a model, sorted by what is to be done about them in each state.
 */
import type { Model, Property } from "./model.js";

/** As many as FairGraph.misses has bits for. */
const MOST_EVENTUALLY = 8;

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
  /** Those that ask who can act, of `always`; and a mask of bits, of `eventually`. */
  private alwaysAmong: number[];
  readonly eventuallyAmong: number;
  /** Is there a property that asks who can act? */
  readonly asksWhoCanAct: boolean;

  /** `until`: names of the properties whose violation ends the exploration; undefined for all. */
  constructor(
    model: Pick<Model, "name" | "properties">,
    until?: readonly string[],
    shared = new SharedArrayBuffer(4 * Math.max(1, model.properties.length)),
    violators: Uint32Array = new Uint32Array(model.properties.length),
  ) {
    const { properties } = model;
    this.properties = properties;
    this.ends = properties.map(({ name }) => until?.includes(name) ?? true);
    this.seen = new Int32Array(shared);
    this.violators = violators;
    const asks = (p: number): boolean => properties[p]!.holdsAmong !== undefined;
    const always = ofKind(properties, "always");
    this.always = always.filter((p) => !asks(p));
    this.alwaysAmong = always.filter(asks);
    this.sometimes = ofKind(properties, "sometimes");
    this.eventually = ofKind(properties, "eventually");
    if (this.eventually.length > MOST_EVENTUALLY)
      throw new RangeError(
        `${model.name}: more than ${MOST_EVENTUALLY} eventually properties; split the model`,
      );
    this.eventuallyAmong = this.eventually.reduce((bits, p, i) => (asks(p) ? bits | (1 << i) : bits), 0);
    this.asksWhoCanAct = this.alwaysAmong.length > 0 || this.eventuallyAmong !== 0;
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
      if (this.endsWith(violated, number)) return false;
    }
  }

  /** The same of the properties that ask who can act. */
  passesAmong(canAct: number, number: number): boolean {
    for (;;) {
      const violated = this.lookAmong(canAct);
      if (violated === NONE) return true;
      if (this.endsWith(violated, number)) return false;
    }
  }

  /** Note the state of that number as the first that violates `property`. Does that end the exploration? */
  private endsWith(property: number, number: number): boolean {
    this.violators[property] = number + 1;
    if (this.ends[property]!) return true;
    this.leaveOut(property);
    return false;
  }

  /** Look at an `always` property no more. */
  leaveOut(property: number): void {
    this.always = this.always.filter((p) => p !== property);
    this.alwaysAmong = this.alwaysAmong.filter((p) => p !== property);
  }

  /** As look(), of the properties that ask who can act. */
  lookAmong(canAct: number): number {
    const { alwaysAmong, properties } = this;
    for (let i = 0; i < alwaysAmong.length; i++) {
      if (!properties[alwaysAmong[i]!]!.holdsAmong!(canAct)) return alwaysAmong[i]!;
    }
    return NONE;
  }

  /** The `eventually` properties that do not hold in the current state, a bit each; or may not, if they ask who can act. */
  misses(): number {
    const { eventually, properties, eventuallyAmong } = this;
    let bits = eventuallyAmong;
    for (let i = 0; i < eventually.length; i++) {
      if ((eventuallyAmong & (1 << i)) === 0 && !properties[eventually[i]!]!.holds()) bits |= 1 << i;
    }
    return bits;
  }

  /** Those that ask who can act, and hold in the current state. */
  holdsAmong(canAct: number): number {
    const { eventually, properties, eventuallyAmong } = this;
    let bits = 0;
    for (let i = 0; i < eventually.length; i++) {
      if ((eventuallyAmong & (1 << i)) !== 0 && properties[eventually[i]!]!.holdsAmong!(canAct))
        bits |= 1 << i;
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
