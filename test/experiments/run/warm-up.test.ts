import { join } from "node:path";
import { expect } from "chai";
import { readRecording, type Recording } from "../../../experiments/import/recording.js";
import { runRecording } from "../../../experiments/run/run-workload.js";
import { warmUp } from "../../../experiments/run/warm-up.js";
import { proposal } from "../../machine/booted-machine.js";
import { ROOT } from "../../pvtwin.js";

const processor = { pcid: true, invpcid: true };

describe("running the beginning of a recording under all designs first", () => {
  let short: Recording;
  before(async () => {
    short = await readRecording(join(ROOT, "test", "data", "traces", "odd_names.perf.txt.gz"));
  });

  it("changes nothing of what a run counts, or of the recording", () => {
    const recording = { ...short, events: 1e6 };
    const outcome = () => {
      const { eventsPerSecond: _, ...counted } = runRecording(recording, proposal("shim"), {
        machine: processor,
      });
      return counted;
    };
    const before = outcome();
    warmUp(recording, ["shared", "shim", "control-pv32"].map(proposal), processor);
    expect(outcome()).to.deep.equal(before);
  });

  /** Tells whether it was run. */
  const watched = (recording: Recording) => {
    const seen = { run: false, recording: { ...recording } };
    Object.defineProperty(seen.recording, "chunks", {
      get: () => ((seen.run = true), recording.chunks),
    });
    return seen;
  };

  it("is for long recordings, and for designs that this thread has not met", () => {
    const proposals = ["xpti", "control-pvh"].map((name) => ({
      ...proposal(name),
      name: `${name}, which nobody has met`,
    }));
    const wasRun = (recording: Recording) => {
      const seen = watched(recording);
      warmUp(seen.recording, proposals, processor);
      return seen.run;
    };
    expect(wasRun(short)).to.equal(false);
    expect(wasRun({ ...short, events: 1e6 })).to.equal(true);
    expect(wasRun({ ...short, events: 1e6 })).to.equal(false);
  });

  it("leaves out what does not fit a small machine, as 512 vCPUs", () => {
    warmUp(
      { ...short, events: 1e6, cpus: 512 },
      ["xen-vcpu-root", "linux-per-vcpu", "shim", "control-pv32"].map((name) => ({
        ...proposal(name),
        name: `${name} with 512 vCPUs`,
      })),
      processor,
    );
  });
});
