/**
 * What a thread does before it runs a recording under several designs: the beginning of it, under each.
 *
 * V8 compiles what runs often for the shapes of objects that it has met. With a design come objects of other shapes: what is
 * compiled by then is thrown away, and compiled anew a little later. Where a thread ran one design after the other, half of
 * all compiling was such; so all designs go first, in turns of some rows, on machines that boot in a few milliseconds.
 * Those are kept, as V8 forgets a shape that no object has any more, and what it compiled for it.
 */
import type { Proposal } from "../../abi/proposal.js";
import { defaultGeometry, type Geometry } from "../../machine/geometry.js";
import { Machine, type MachineConfig } from "../../machine/machine.js";
import { EventChunk } from "../import/event.js";
import type { Recording } from "../import/recording.js";
import { Bins } from "./bins.js";
import { TraceRunner } from "./trace-runner.js";

/** Rows of the beginning, by the end of which most ways have been gone, and of a turn: few enough that none is hot after one. */
const ROWS = 2048;
const ROWS_A_TURN = 128;
/** Of a shorter recording, the beginning is too much of it. */
const SHORT = 16 * ROWS;

/** By name of the proposal: what has its shapes. */
const kept = new Map<string, unknown>();

/** Run the beginning of a recording under each proposal that this thread has not met. */
export function warmUp(
  recording: Recording,
  proposals: readonly Proposal[],
  processor: Pick<MachineConfig, "pcid" | "invpcid">,
): void {
  const unknown = proposals.filter(({ name }) => !kept.has(name));
  if (recording.events < SHORT || unknown.length === 0 || kept.size + unknown.length < 2) return;
  const geometry = geometryFor(recording);
  let runners: TraceRunner[] = [];
  for (const proposal of unknown) {
    unlessTooSmall(() => {
      const machine = new Machine({ proposal, geometry, ...processor, audit: "observe" }).boot();
      const bins = new Bins(machine, recording.seconds);
      const runner = new TraceRunner(machine, bins);
      kept.set(proposal.name, [machine, bins, runner]);
      runners.push(runner);
    });
  }
  const first = recording.chunks[0]!;
  const rows = Math.min(ROWS, first.n);
  for (let row = 0; row < rows; row += ROWS_A_TURN) {
    const turn = rowsOf(first, row, Math.min(row + ROWS_A_TURN, rows));
    runners = runners.filter((runner) => unlessTooSmall(() => runner.consume(turn)));
  }
}

/** That of a run, with a sixteenth of the frames, which are most of what a boot takes. */
function geometryFor({ cpus }: Recording): Geometry {
  const geometry = defaultGeometry(Math.max(2, cpus));
  return { ...geometry, nrFrames: geometry.nrFrames / 16, nrTables: geometry.nrTables / 16 };
}

/** Nothing comes of these machines: one that a beginning outgrows has met most of it, and is left where it stopped. False then. */
function unlessTooSmall(run: () => void): boolean {
  try {
    run();
    return true;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return false;
  }
}

/** Rows from..to-1 of a chunk. */
function rowsOf(chunk: EventChunk, from: number, to: number): EventChunk {
  const rows = new EventChunk(to - from);
  rows.n = to - from;
  for (const column of ["kind", "cpu", "tid", "tgid", "time", "comm"] as const)
    rows[column].set(chunk[column].subarray(from, to));
  chunk.a.forEach((column, i) => rows.a[i]!.set(column.subarray(from, to)));
  return rows;
}
