import { join } from "node:path";
import { expect } from "chai";
import { z } from "zod";
import { readProfile } from "../../../experiments/costs/profile.js";
import { loadProposal } from "../../../experiments/evaluate.js";
import { runOnce } from "../../../experiments/run/run-workload.js";
import { ROOT } from "../../pvtwin.js";

const FILE = join(ROOT, "test", "data", "traces", "thread_storm.xenpv.tracecmd.txt.gz");

const id = z.int().nonnegative();
const common = { name: z.string().min(1), ts: z.number().nonnegative(), pid: id, tid: id };

/**
 * The Trace Event Format as its documentation states it, object form, for the three kinds of events that a timeline
 * has: complete ("X") events with a duration, counters ("C") with numbers as arguments, and metadata ("M") that names a
 * process or a thread.
 */
const documentRules = z.strictObject({
  displayTimeUnit: z.enum(["ms", "ns"]),
  traceEvents: z.array(
    z.discriminatedUnion("ph", [
      z.strictObject({ ph: z.literal("X"), ...common, dur: z.number().nonnegative() }),
      z.strictObject({ ph: z.literal("C"), ...common, args: z.record(z.string(), z.number()) }),
      z.strictObject({
        ph: z.literal("M"),
        ...common,
        name: z.enum(["process_name", "thread_name"]),
        args: z.strictObject({ name: z.string().min(1) }),
      }),
    ]),
  ),
});

describe("the timeline of a run", () => {
  let document: z.infer<typeof documentRules>;
  before(async () => {
    const { machine } = readProfile("skylake-pcid");
    const options = { machine, strict: false, timeline: true, counts: undefined };
    const { timeline } = await runOnce(FILE, loadProposal("xpti"), options);
    document = documentRules.parse(JSON.parse(JSON.stringify(timeline!.document())));
  });

  const slices = () => document.traceEvents.flatMap((event) => (event.ph === "X" ? [event] : []));

  it("is as the Trace Event Format states it, with slices, counters and names", () => {
    const kinds = new Set(document.traceEvents.map(({ ph }) => ph));
    expect([...kinds].sort()).to.deep.equal(["C", "M", "X"]);
  });

  it("has only slices that lie within one another or apart, on each track", () => {
    const tracks = new Map<string, [number, number][]>();
    for (const { pid, tid, ts, dur } of slices()) {
      const key = `${pid} ${tid}`;
      tracks.set(key, [...(tracks.get(key) ?? []), [Math.round(ts * 1e3), Math.round((ts + dur) * 1e3)]]);
    }
    expect(tracks.size).to.be.above(3);
    for (const [track, spans] of tracks) {
      spans.sort(([a, x], [b, y]) => a - b || y - x);
      const open: number[] = [];
      for (const [from, to] of spans) {
        while (open.length > 0 && open.at(-1)! <= from) open.pop();
        expect(to, `track ${track} at ${from} ns`).to.be.at.most(open.at(-1) ?? Infinity);
        open.push(to);
      }
    }
  });

  it("names the process and thread of each slice, and each of them once", () => {
    const named = document.traceEvents.flatMap((event) =>
      event.ph === "M" ? [event.name === "process_name" ? `${event.pid}` : `${event.pid} ${event.tid}`] : [],
    );
    expect(new Set(named).size).to.equal(named.length);
    for (const { pid, tid } of slices()) expect(named).to.include(`${pid}`).and.include(`${pid} ${tid}`);
  });

  it("has each counter's samples in order of time", () => {
    const last = new Map<string, number>();
    for (const event of document.traceEvents) {
      if (event.ph !== "C") continue;
      expect(event.ts).to.be.at.least(last.get(event.name) ?? 0);
      last.set(event.name, event.ts);
    }
    expect(last.size).to.equal(8);
  });
});
