/**
 * How each state was first reached: from which state, by which action.
 *
 * Shape: a row per state number
 *   parent  Uint32Array  number of the state before; the initial state is its own
 *   action  Uint16Array  index in Model.actions; GONE: the number was given up (see breadth-first-worker.ts)
 */
export const GONE = 0xffff;
/** Bytes of a row. */
export const TRAIL_BYTES = 6;

/** What another thread needs to write to the same trail. */
export interface TrailMemory {
  readonly parent: SharedArrayBuffer;
  readonly action: SharedArrayBuffer;
}

export class Trail {
  readonly parent: Uint32Array;
  readonly action: Uint16Array;

  constructor(readonly memory: TrailMemory) {
    this.parent = new Uint32Array(memory.parent);
    this.action = new Uint16Array(memory.action);
  }

  /** A trail of up to `states` states. */
  static reserve(states: number): Trail {
    return new Trail({
      parent: new SharedArrayBuffer(states * 4),
      action: new SharedArrayBuffer(states * 2),
    });
  }

  /** The rows of states 0 to states - 1, as bytes. */
  rows(states: number): [parents: Uint8Array, actions: Uint8Array] {
    const { parent, action } = this.memory;
    return [new Uint8Array(parent, 0, 4 * states), new Uint8Array(action, 0, 2 * states)];
  }

  /** The actions that first led to state `number`, the first one first. */
  actionsTo(number: number): number[] {
    const actions: number[] = [];
    for (let n = number; this.parent[n] !== n; n = this.parent[n]!) actions.push(this.action[n]!);
    return actions.reverse();
  }
}
