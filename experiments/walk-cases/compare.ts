/**
 * Recorded walks against the modelled processor's, under the equality that the recordings define.
 *
 * Mirrors: "Equality" in test/data/x86-walk/README.md.
 */
import { BadInput } from "../../abi/bad-input.js";
import { PFEC_page_present, PFEC_reserved_bit } from "../../abi/page.js";
import { samePlace } from "./places.js";
import { CaseRunner } from "./run-case.js";
import { readCases, type WalkResult, type WalkScenario } from "./walk-case.js";

export interface WalkDifference {
  readonly file: string;
  readonly name: string;
  readonly recorded: WalkResult;
  readonly modelled: WalkResult;
}

export interface WalkReport {
  readonly cases: number;
  readonly equal: number;
  readonly different: number;
  /** The first differences. */
  readonly first: readonly WalkDifference[];
}

const FIRST = 10;

/** Run all cases of `files` on `processor`. Errors: BadInput where a file is damaged, or holds no case. */
export function compareCases(
  files: readonly string[],
  processor: { run(c: WalkScenario): WalkResult } = new CaseRunner(),
): WalkReport {
  const first: WalkDifference[] = [];
  let cases = 0;
  let different = 0;
  for (const file of files) {
    const before = cases;
    for (const c of readCases(file)) {
      cases++;
      const modelled = processor.run(c);
      if (sameResult(c.name, modelled, c.result)) continue;
      different++;
      if (first.length < FIRST) first.push({ file, name: c.name, recorded: c.result, modelled });
    }
    if (cases === before) throw new BadInput(file, "", "holds no case", "name a file of recorded walks");
  }
  return { cases, equal: cases - different, different, first };
}

/** Do a modelled and a recorded result agree? */
export function sameResult(name: string, modelled: WalkResult, recorded: WalkResult): boolean {
  if ("ok" in recorded) {
    return "ok" in modelled && samePlace(modelled.pa, recorded.pa) && sameMarks(modelled.ad, recorded.ad);
  }
  if ("ok" in modelled) return false;

  // Which marks a faulting walk leaves is the processor's affair; so is what an entry beyond RAM reads as.
  const compared = name.startsWith("outside-table") ? ~(PFEC_page_present | PFEC_reserved_bit) : ~0;
  const [one, other] = [modelled.fault, recorded.fault];
  return (
    one.vector === other.vector &&
    (one.error & compared) === (other.error & compared) &&
    one.at === other.at &&
    (other.cr2 === undefined || (one.cr2 !== undefined && BigInt(one.cr2) === BigInt(other.cr2)))
  );
}

function sameMarks(one: WalkResult["ad"], other: WalkResult["ad"]): boolean {
  const entries = Object.keys(other);
  return entries.length === Object.keys(one).length && entries.every((entry) => one[entry] === other[entry]);
}
