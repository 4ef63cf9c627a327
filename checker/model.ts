/**
 * What can be explored: a state of a few bytes, actions that change it, properties that it shall have.
 *
 * The folder knows no kernel and no hypervisor. A model keeps one state, the current one, in whatever form it likes;
 * the explorer has it written out and read back, and asks for one action at a time.
 *
 * Shape: a state is `stateBytes` bytes; equal states have equal bytes, and different states different ones.
 */

/** One way to go on from a state. */
export interface Action {
  /** The name under which a counterexample shows it: a kernel's name for the step where there is one. */
  readonly name: string;
  /** Whose step it is: a CPU, or what the hardware does by itself. The columns of a counterexample. */
  readonly process: number;
}

/** A sentence about a state. */
export interface Property {
  readonly name: string;
  /** What holds, as one sentence: printed when it doesn't. */
  readonly says: string;
  /**
   * `always` holds in each state reached; `sometimes` in at least one, so that nothing holds vacuously; `eventually`: on each
   * infinite fair run there are states where it holds again and again.
   */
  readonly kind: "always" | "sometimes" | "eventually";
  /** Does it hold in the current state? Changes nothing, allocates nothing. */
  readonly holds: () => boolean;
  /**
   * Of a property that is about who has to wait: the same as holds(), told who can act, a bit per process. Where all can act it
   * holds. Explorers that try all actions ask this; holds() may be slow then, and allocate.
   */
  readonly holdsAmong?: (canAct: number) => boolean;
}

export interface Model {
  readonly name: string;
  readonly stateBytes: number;
  /** Names of the processes; Action.process is an index. */
  readonly processes: readonly string[];
  readonly actions: readonly Action[];
  readonly properties: readonly Property[];
  /** Processes that owe nothing: an infinite run is fair though they never act again. Others stop only where they cannot act. */
  readonly mayStop?: readonly number[];
  /** Actions that a fair run takes again and again if it can again and again, though not all the time: interrupts. */
  readonly insistent?: readonly number[];

  /** Make the initial state the current one. */
  initial(): void;
  /** Make the state of the bytes at `at`, a multiple of 4, the current one. */
  load(from: Uint8Array, at: number): void;
  /**
   * Make the state that load() read last the current one again; since then nothing but actions of process `process` was run, and
   * states were written. For models that can do so in less time than load() takes.
   */
  reload?(process: number): void;
  /** Write the current state to the bytes at `at`, a multiple of 4. */
  store(to: Uint8Array, at: number): void;
  /**
   * Actions of `process`, in ascending order, besides which it can take none in the current state: for models that know so without
   * trying each.
   */
  candidates?(process: number): readonly number[];
  /** Take an action. False: it is not enabled here, and nothing has changed. */
  run(action: number): boolean;
  /** The current state for a reader, a fact each; what is the same in two states is the same string. */
  describe(): ReadonlyMap<string, string>;

  /**
   * Names of the same state: 1 and up, where processes or objects can be exchanged. store() is name 0. The smallest bytes
   * among all names stand for all of them.
   */
  readonly symmetries?: number;
  storeAs?(symmetry: number, to: Uint8Array, at: number): void;
  /**
   * Write the name that stands for all, where the model finds it without comparing each: the same for each name that the state
   * is read from.
   */
  storeStanding?(to: Uint8Array, at: number): void;

  /**
   * Partial-order reduction: in the current state, does whatever `process` can do next commute with every action of all
   * others, now and as long as it doesn't act, and is no property able to tell before from after?
   */
  local?(process: number): boolean;
}

/**
 * A model's view of the bytes that load() and store() get, as words: they begin at a multiple of 4, and there are few
 * different arrays.
 */
export class Words {
  private bytes: Uint8Array = new Uint8Array(0);
  private words: Int32Array = new Int32Array(0);

  of(bytes: Uint8Array): Int32Array {
    if (bytes === this.bytes) return this.words;
    this.bytes = bytes;
    this.words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >>> 2);
    return this.words;
  }
}

/** How a worker makes a model of its own: the module's export is called with `options`, which can be cloned. */
export interface ModelSource {
  readonly module: string;
  readonly make: string;
  readonly options: unknown;
}
