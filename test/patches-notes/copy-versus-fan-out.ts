/**
 * Patches 4 and 5 of linux-per-vcpu, step by step, as a model for the checker: xen_vcpu_pgd_propagate() on one CPU against
 * xen_vcpu_pgd_load() on another, over one slot of one mm. The twin (linux-mm-model/top-level/per-vcpu.ts) holds the mms' locks
 * instead, so what it proves says nothing of the series' own order.
 *
 * The writer turns the slot of mm->pgd over and over; the loader goes to the mm, whose slot that is, and to one that has
 * nothing there. A store waits in the loader's store buffer until something drains it, as x86 has it: a locked instruction, or a
 * hypercall, whose page lock is one; an unlock goes through the buffer behind it.
 */
import type { Model } from "../../checker/model.js";
import { toy } from "../checker/toys.js";

/** What a mutant leaves out. */
export type Mutant =
  "second pass" | "second pass's waiting" | "loader's lock until the hypercall" | "second look";

/** Cells. Values of entries: 0 none, 1 there; of who is mirrored: 0 the other mm, 1 the mm. */
const REF = 0; // the slot in mm->pgd
const PAIR = 1; // the slot in the vCPU's pair
const MIRRORED = 2; // vp->ref, as all see it
const BUFFER = 3; // vp->ref in the loader's store buffer: value + 1; 0: empty
const LOCK = 4; // vp->lock: 1 the writer, 2 the loader
const LOADER = 5; // its next step
const TO = 6; // the mm that it loads
const COPIED = 7; // the entry that it has queued
const WRITER = 8; // its next step
const VALUE = 9; // the entry that it writes
const HELD = 10; // it holds the lock, and has queued the pair's entry
const CELLS = 11;

type Step = (s: Uint8Array) => number | undefined;
type Rule = [name: string, process: number, run: (s: Uint8Array) => boolean];

function drain(s: Uint8Array): void {
  if (s[BUFFER] !== 0) s[MIRRORED] = s[BUFFER]! - 1;
  s[BUFFER] = 0;
}

export function copyVersusFanOut(without?: Mutant): Model {
  const rules: Rule[] = [];
  /** A step that goes on where it says, or waits where it says nothing. */
  const step = (process: number, pc: number, at: number, name: string, run: Step): void => {
    const rule = (s: Uint8Array): boolean => {
      const next = s[pc] === at ? run(s) : undefined;
      if (next === undefined) return false;
      s[pc] = next;
      return true;
    };
    rules.push([name, process, rule]);
  };
  const writer = (at: number, name: string, run: Step): void => step(0, WRITER, at, name, run);
  const loader = (at: number, name: string, run: Step): void => step(1, LOADER, at, name, run);

  loader(0, "raw_spin_lock", (s) => {
    if (s[LOCK] !== 0) return undefined;
    drain(s);
    s[LOCK] = 2;
    s[TO] = 1 - s[MIRRORED]!;
    return 1;
  });
  loader(1, "WRITE_ONCE(vp->ref)", (s) => {
    s[BUFFER] = s[TO]! + 1;
    return 2;
  });
  loader(2, "READ_ONCE(ref[slot])", (s) => {
    s[COPIED] = s[TO] === 1 ? s[REF]! : 0;
    if (without === "loader's lock until the hypercall") {
      drain(s);
      s[LOCK] = 0;
    }
    return 3;
  });
  loader(3, "xen_mc_flush", (s) => {
    drain(s);
    s[PAIR] = s[COPIED]!;
    s[COPIED] = 0;
    return 4;
  });
  loader(4, "raw_spin_unlock", (s) => {
    if (s[LOCK] === 2) s[LOCK] = 0;
    return 0;
  });
  rules.push([
    "the store buffer drains",
    1,
    (s) => {
      if (s[BUFFER] === 0) return false;
      drain(s);
      return true;
    },
  ]);

  writer(0, "queue the entry", (s) => {
    s[VALUE] = 1 - s[REF]!;
    return 1;
  });
  /** One pass from step `at` on: who mirrors it is locked, looked at again, and queued for; then all is issued. */
  const pass = (at: number, next: number, all: boolean): void => {
    writer(at, "does the vCPU mirror it?", (s) => (all || s[MIRRORED] === 1 ? at + 1 : at + 2));
    writer(at + 1, "raw_spin_lock, look again", (s) => {
      if (s[LOCK] !== 0) return undefined;
      const mirrors = s[MIRRORED] === 1 || without === "second look";
      s[HELD] = s[LOCK] = mirrors && s[PAIR] !== s[VALUE] ? 1 : 0;
      return at + 2;
    });
    writer(at + 2, "hypercall: mm->pgd", (s) => {
      s[REF] = s[VALUE]!;
      return at + 3;
    });
    writer(at + 3, "hypercall: the pair; unlock", (s) => {
      if (s[HELD] === 1) {
        s[PAIR] = s[VALUE]!;
        s[HELD] = s[LOCK] = 0;
      }
      return next;
    });
  };
  pass(1, without === "second pass" ? 0 : 5, false);
  pass(5, 0, without !== "second pass's waiting");

  const edited = (s: Uint8Array): boolean => s[WRITER] === 0;
  const loaded = (s: Uint8Array): boolean => s[LOADER] === 0;
  return toy("copy versus fan-out", new Array<number>(CELLS).fill(0), ["writer", "loader"], rules, [
    [
      "always",
      "no pair has an entry whose clearing is done",
      (s) => !(edited(s) && s[REF] === 0 && s[PAIR] === 1),
    ],
    [
      "always",
      "between loads and edits, a pair has the slot of what it mirrors",
      (s) => !(edited(s) && loaded(s)) || s[PAIR] === (s[MIRRORED] === 1 ? s[REF] : 0),
    ],
    ["sometimes", "both are under way", (s) => s[LOADER] === 3 && s[WRITER] === 5],
    ["sometimes", "the second pass finds what the first did not", (s) => s[WRITER] === 7 && s[HELD] === 1],
  ]);
}
