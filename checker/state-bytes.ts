/**
 * States as bytes, padded to whole words: what is hashed, compared and kept in a frontier.
 *
 * Under symmetry a state has several names; the smallest of them, word by word, stands for all.
 */
import type { Model } from "./model.js";

/** Bytes from one state to the next: each begins at a multiple of 4, and what pads it is 0. */
export function strideOf(model: Model): number {
  return Math.ceil(model.stateBytes / 4) * 4;
}

/** Memory for states, as bytes for the model and as words for the explorer. */
export class StateBytes {
  readonly bytes: Uint8Array;
  readonly words: Int32Array;

  constructor(readonly memory: SharedArrayBuffer | ArrayBuffer) {
    this.bytes = new Uint8Array(memory);
    this.words = new Int32Array(memory);
  }
}

/** Writes the name of a state that stands for all its names. */
export class Namer {
  private readonly nrWords: number;
  private readonly nrSymmetries: number;
  private readonly other: StateBytes;

  constructor(
    private readonly model: Model,
    symmetry: boolean,
  ) {
    this.nrWords = strideOf(model) / 4;
    this.nrSymmetries = symmetry && model.storeAs !== undefined ? (model.symmetries ?? 0) : 0;
    this.other = new StateBytes(new ArrayBuffer(this.nrWords * 4));
  }

  /** Does a state have more names than one? */
  get reduces(): boolean {
    return this.nrSymmetries > 0;
  }

  /** Write the current state to word `at` of `to`, under the name that stands for it. */
  store(to: StateBytes, at: number): void {
    const { model, nrWords, nrSymmetries, other } = this;
    if (nrSymmetries > 0 && model.storeStanding !== undefined) {
      model.storeStanding(to.bytes, at * 4);
      return;
    }
    model.store(to.bytes, at * 4);
    for (let s = 1; s <= nrSymmetries; s++) {
      model.storeAs!(s, other.bytes, 0);
      if (isSmaller(other.words, to.words, at, nrWords)) to.words.set(other.words, at);
    }
  }
}

function isSmaller(a: Int32Array, b: Int32Array, at: number, nrWords: number): boolean {
  for (let i = 0; i < nrWords; i++) {
    if (a[i] !== b[at + i]) return a[i]! < b[at + i]!;
  }
  return false;
}
