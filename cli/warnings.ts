/** What the import of a recording found, as lines of stderr: the numbers that follow rest on what is left. */
import type { WorkloadResult } from "../experiments/results.js";
import { exact } from "./numbers.js";

type Found = WorkloadResult["notes"][number];

/** A line for each of `found`, in the file called `file`. */
export function warnings(file: string, found: readonly Found[]): string {
  return found
    .map(({ what, count, firstLine, damage }) => {
      const times = count === 1 ? "" : ` (${exact(count)} times)`;
      return `pvtwin: ${damage === true ? "warning" : "note"}: ${file}: line ${firstLine}: ${what}${times}\n`;
    })
    .join("");
}

/** The lines for what is damaged; how to have it refused stands in the last one. */
export function damageWarnings(file: string, { notes }: Pick<WorkloadResult, "notes">): string {
  const damage = notes.filter((note) => note.damage === true);
  if (damage.length === 0) return "";
  return `${warnings(file, damage)}pvtwin: warning: ${file}: what is left of it was run; record again (--strict refuses it)\n`;
}
