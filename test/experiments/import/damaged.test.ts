import { expect } from "chai";
import { join } from "node:path";
import { BadInput } from "../../../abi/bad-input.js";
import { importTrace } from "../../../experiments/import/import-trace.js";
import { summarizeTrace } from "../../../experiments/import/summary.js";

const FOLDER = join(__dirname, "..", "..", "data", "traces", "damaged");

const NO_EVENT = "neither this line nor a later one is an event";
const DAMAGED = "events whose numbers or fields are damaged";
const NONE = "lines that are no events";
const BACK = "timestamps go back";
const CALLS = "system calls return, but no line says so";
const RETURNS = "system calls return that were not entered";
const CUT = "the last line has no line end: it may be cut short";
const OTHER = "events of a kind that is not modelled";
const LOST = "the recorder says that it lost events";

/** Nothing can be used: what the message says. */
const UNUSABLE: Record<string, string> = {
  "blank_lines_only.perf.txt": "holds blank lines only",
  "empty.perf.txt": "is empty",
  "empty.tracecmd.txt": "is empty",
  "header_only.tracecmd.txt": "holds a header but no event",
  "not_gzip.perf.txt.gz": "is named .gz but is not gzip",
  "only_garbage.perf.txt": NO_EVENT,
};

/** A part can be used: events, and [what, count, line of the first] for each thing that is wrong. */
const USABLE: Record<string, [events: number, ...wrong: [string, number, number][]]> = {
  "absurd_numbers.perf.txt": [234, [DAMAGED, 5, 21], [NONE, 1, 23]],
  "binary_garbage.perf.txt": [120, [NONE, 6, 61]],
  "cut_short.perf.txt.gz": [88, [NONE, 1, 89], ["compressed data end early (unexpected end of file)", 1, 89]],
  "duplicated_lines.perf.txt": [250, [BACK, 2, 101], ["lines are repeated", 10, 101], [RETURNS, 2, 101]],
  "lost_events.perf.txt": [257, [LOST, 4, 42]],
  "lost_events.tracecmd.txt": [317, [LOST, 2, 2]],
  "no_fork_events.perf.txt": [224, ["threads appear that no task_newtask made", 2, 102]],
  "out_of_order.perf.txt": [240, [BACK, 5, 42], [CALLS, 2, 102], [RETURNS, 3, 104]],
  "out_of_order.tracecmd.txt": [240, [BACK, 3, 62], [CALLS, 2, 62], [RETURNS, 3, 81]],
  "truncated.strace.txt": [46, [DAMAGED, 1, 61], ["calls that never come back", 1, 61]],
  "truncated_in_the_middle.perf.txt": [
    236,
    [NONE, 3, 31],
    [CALLS, 1, 32],
    [RETURNS, 1, 62],
    [DAMAGED, 1, 121],
  ],
  "truncated_last_line.perf.txt": [239, [DAMAGED, 1, 240]],
  "truncated_last_line.tracecmd.txt": [239, [NONE, 1, 241]],
  "two_lines_run_together.perf.txt": [238, [DAMAGED, 1, 51]],
  "unfinished_never_resumed.strace.txt": [143, ["calls that never come back", 52, 32]],
  "unknown_event.tracecmd.txt": [242, [DAMAGED, 1, 74]],
  "unpaired_syscalls.perf.txt": [229, [CALLS, 9, 26], [RETURNS, 1, 70]],
};

/** Nothing is wrong: events, and what is noted. */
const SOUND: Record<string, [events: number, ...noted: string[]]> = {
  "bom_no_final_newline.perf.txt": [80, CUT],
  "crlf.perf.txt": [80],
  "default_fields_no_tgid.perf.txt": [200],
  "good_base.perf.txt": [240],
  "good_base.tracecmd.txt": [240],
  "unknown_event.perf.txt": [244, OTHER],
};

async function refusal(file: string, strict: boolean): Promise<BadInput> {
  const error: unknown = await importTrace(join(FOLDER, file), { strict }, () => undefined).catch(
    (e: unknown) => e,
  );
  expect(error).to.be.instanceOf(BadInput);
  return error as BadInput;
}

describe("a damaged recording", () => {
  for (const [file, message] of Object.entries(UNUSABLE)) {
    it(`${file} is refused, as it ${message}, with --strict and without`, async () => {
      for (const strict of [false, true]) {
        const { what, remedy } = await refusal(file, strict);
        expect(what).to.include(message);
        expect(remedy).to.include("recordings/README.md");
      }
    });
  }

  for (const [file, [events, ...wrong]] of Object.entries(USABLE)) {
    it(`${file} has ${events} events, and ${wrong.map(([what, n]) => `${n} x ${what}`).join("; ")}`, async () => {
      const { summary, report } = await summarizeTrace(join(FOLDER, file));
      expect(summary.events_total).to.equal(events);
      const damage = report.warnings.filter((w) => w.damage).map((w) => [w.what, w.count, w.firstLine]);
      expect(damage).to.deep.equal(wrong);
      if (report.format !== "strace")
        expect(report.events + report.linesNotUnderstood).to.equal(report.lines);
    });

    it(`${file} is refused with --strict at the first damage`, async () => {
      const { what, place, remedy } = await refusal(file, true);
      expect([what, place]).to.deep.equal([wrong[0]![0], `line ${wrong[0]![2]}`]);
      expect(remedy).to.include("--strict");
    });
  }

  for (const [file, [events, ...noted]] of Object.entries(SOUND)) {
    it(`${file} is whole: ${events} events, with --strict too`, async () => {
      const report = await importTrace(join(FOLDER, file), { strict: true }, () => undefined);
      expect(report.events).to.equal(events);
      expect(report.warnings.map(({ what }) => what)).to.deep.equal(noted);
    });
  }

  it("is refused where there is no file, or a folder", async () => {
    expect((await refusal("no-such-file", false)).what).to.equal("cannot be read (ENOENT)");
    expect((await refusal(".", false)).what).to.equal("cannot be read (EISDIR)");
  });
});
