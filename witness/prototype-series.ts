/**
 * The Linux series of a proposal, and behind it the witness, which is for tests alone: mail files for git am.
 *
 *     node -r ts-node/register witness/prototype-series.ts PROPOSAL LINUX OUT
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { BadInput } from "../abi/bad-input.js";
import { makeSeries } from "../patches-notes/make-series.js";
import { readNotes } from "../patches-notes/notes.js";
import { parseSketch } from "../patches-notes/sketch.js";
import { writeSeries } from "../patches-notes/write-series.js";

const FOLDER = join(__dirname, "../patches-notes");

/** The witness of a design: what it checks is the design's. */
const WITNESS_OF: Readonly<Record<string, string>> = { "linux-per-thread": "0001-threads.md" };

function main([proposal, linux, out]: readonly string[]): void {
  if (out === undefined)
    throw new BadInput("prototype-series", "", "lacks arguments", "give PROPOSAL LINUX OUT");
  const notes = readNotes(FOLDER, proposal!);
  const side = notes.sides.linux;
  if (side === undefined)
    throw new BadInput(proposal!, "", "has no series for Linux", "name another proposal");
  const witness = `linux/${WITNESS_OF[proposal!] ?? "0001-witness.md"}`;
  const series = [
    ...side.series,
    parseSketch(readFileSync(join(__dirname, witness), "utf8"), `witness/${witness}`),
  ];
  const made = makeSeries({ ...notes, sides: { linux: { ...side, series } } }, "linux", linux!, {
    folder: FOLDER,
    author: "Witness <witness@example.org>",
    date: undefined,
    rfc: false,
    version: 1,
    signature: "pvtwin",
    measured: undefined,
    since: undefined,
  });
  writeSeries(out, made.files);
}

try {
  main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof BadInput)) throw error;
  process.stderr.write(`witness: ${error.message}\n`);
  process.exitCode = 2;
}
