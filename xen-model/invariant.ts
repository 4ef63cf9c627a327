/**
 * What an invariant is, and the two ways in which most of them look at a Xen: frame by frame, and entry by entry.
 */
import { hexFrame } from "./audit-log.js";
import { OWNER_guest, TYPE_NAMES } from "./frame-table.js";
import type { HeldEntry, Recount } from "./recount.js";

/** A named predicate: `says` is the sentence that a report prints, `broken` where it is not so, or "". */
export interface Invariant {
  readonly says: string;
  readonly broken: (m: Recount) => string;
}

export const always = (says: string, broken: (m: Recount) => string): Invariant => ({ says, broken });

/** The first frame of the guest's for which `wrong` has something to say. */
export function frames(m: Recount, wrong: (mfn: number) => string): string {
  const { owner, nrFrames } = m.xen.frames;
  for (let mfn = 0; mfn < nrFrames; mfn++) {
    const what = owner[mfn] === OWNER_guest ? wrong(mfn) : "";
    if (what !== "") return `mfn ${hexFrame(mfn)} (${TYPE_NAMES[m.xen.frames.type[mfn]!]}): ${what}`;
  }
  return "";
}

/** The first entry that holds a reference for which `wrong` has something to say. */
export function entries(m: Recount, wrong: (e: HeldEntry) => string): string {
  for (const e of m.entries) {
    const what = wrong(e);
    if (what !== "") return `l${e.level} mfn ${hexFrame(e.table)} slot ${e.slot}: ${what}`;
  }
  return "";
}
