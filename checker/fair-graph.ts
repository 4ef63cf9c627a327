/**
 * Who follows whom, kept where `eventually` is asked: for each state that misses such a property, its successors.
 *
 * Shape: two lists that grow together
 *   per state  from     Float64Array  where its successors begin
 *              misses   Uint8Array    bit i: the i-th `eventually` property does not hold here
 *              enabled  Uint32Array   bit p: process p can act here, wherever that leads
 *   per edge   to       Uint32Array   number of the successor
 *              action   Uint16Array
 */
import type { Model } from "./model.js";

export class FairGraph {
  from = new Float64Array(1024);
  misses = new Uint8Array(1024);
  enabled = new Uint32Array(1024);
  to = new Uint32Array(4096);
  action = new Uint16Array(4096);
  states = 0;
  edges = 0;
  private readonly processOf: Uint8Array;

  constructor(model: Model) {
    this.processOf = Uint8Array.from(model.actions, (action) => action.process);
  }

  /** Bytes in use. */
  get bytes(): number {
    return this.from.byteLength + this.misses.byteLength + this.enabled.byteLength + 6 * this.to.length;
  }

  /** State `number`, which is the next one, is being expanded. */
  begin(number: number, misses: number): void {
    if (number + 1 >= this.from.length) {
      this.from = grown(this.from);
      this.misses = grown(this.misses);
      this.enabled = grown(this.enabled);
    }
    this.from[number] = this.edges;
    this.misses[number] = misses;
    this.enabled[number] = 0;
    this.states = number + 1;
  }

  /** `action` leads from there to `to`. */
  edge(action: number, to: number): void {
    const number = this.states - 1;
    this.enabled[number]! |= 1 << this.processOf[action]!;
    if (this.misses[number] === 0) return;
    if (this.edges === this.to.length) {
      this.to = grown(this.to);
      this.action = grown(this.action);
    }
    this.to[this.edges] = to;
    this.action[this.edges++] = action;
  }

  /** All edges are there. `holds`: bits of misses that were set, as who can act was not known. */
  end(holds = 0): void {
    const number = this.states - 1;
    this.misses[number]! &= ~holds;
    if (this.misses[number] === 0) this.edges = this.from[number]!;
    this.from[this.states] = this.edges;
  }
}

function grown<T extends Float64Array | Uint32Array | Uint16Array | Uint8Array>(array: T): T {
  const twice = new (array.constructor as new (n: number) => T)(array.length * 2);
  twice.set(array);
  return twice;
}
