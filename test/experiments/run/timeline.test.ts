import { join } from "node:path";
import { expect } from "chai";
import { z } from "zod";
import type { EventCounts } from "../../../abi/ledger.js";
import { readProfile } from "../../../experiments/costs/profile.js";
import { loadProposal } from "../../../experiments/evaluate.js";
import { readRecording } from "../../../experiments/import/recording.js";
import { defaultGeometry } from "../../../machine/geometry.js";
import { Machine } from "../../../machine/machine.js";
import { Timeline } from "../../../experiments/run/timeline.js";
import { TraceRunner } from "../../../experiments/run/trace-runner.js";
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
      z.strictObject({
        ph: z.literal("X"),
        ...common,
        dur: z.number().nonnegative(),
        args: z.record(z.string(), z.number()).optional(),
      }),
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

type Document = z.infer<typeof documentRules>;

const parse = (text: string): Document => documentRules.parse(JSON.parse(text));
const slicesOf = ({ traceEvents }: Document) =>
  traceEvents.flatMap((event) => (event.ph === "X" ? [event] : []));

describe("the timeline of a run", () => {
  const profile = readProfile("skylake-pcid");
  let document: Document;
  let counts: EventCounts;
  before(async function () {
    this.timeout(300_000);
    const options = { machine: profile.machine, strict: false, timeline: profile, counts: undefined };
    const { timeline, outcome } = await runOnce(FILE, loadProposal("xpti"), options);
    const documents = timeline!.documents();
    expect(documents).to.have.lengthOf(1);
    document = parse(documents[0]!);
    counts = outcome.counts;
  });

  const slices = () => slicesOf(document);

  it("is as the Trace Event Format states it, with slices, counters and names", () => {
    const kinds = new Set(document.traceEvents.map(({ ph }) => ph));
    expect([...kinds].sort()).to.deep.equal(["C", "M", "X"]);
  });

  it("has only slices that lie within one another or apart, on each track", () => {
    const tracks = new Map<string, [number, number][]>();
    for (const { pid, tid, ts, dur } of slices()) {
      const key = `${pid} ${tid}`;
      if (!tracks.has(key)) tracks.set(key, []);
      tracks.get(key)!.push([Math.round(ts * 1e3), Math.round((ts + dur) * 1e3)]);
    }
    expect(tracks.size).to.be.above(3);
    for (const [track, spans] of tracks) {
      spans.sort(([a, x], [b, y]) => a - b || y - x);
      const open: number[] = [];
      for (const [from, to] of spans) {
        while (open.length > 0 && open.at(-1)! <= from) open.pop();
        if (to > (open.at(-1) ?? Infinity)) expect.fail(`track ${track}: a slice from ${from} to ${to} ns`);
        open.push(to);
      }
    }
  });

  it("names the process and thread of each slice, and each of them once", () => {
    const named = document.traceEvents.flatMap((event) =>
      event.ph === "M" ? [event.name === "process_name" ? `${event.pid}` : `${event.pid} ${event.tid}`] : [],
    );
    expect(new Set(named).size).to.equal(named.length);
    const tracks = new Set(slices().flatMap(({ pid, tid }) => [`${pid}`, `${pid} ${tid}`]));
    expect(named).to.include.members([...tracks]);
  });

  it("has in Xen each priced event of the recorded work, as often as the ledger, within what it was done for", () => {
    const xen = slices().filter(({ pid, args }) => pid === 2 && args !== undefined);
    for (const event of ["page_fault", "cr3_write", "l1e_set"] as const) {
      const found = xen
        .filter(({ name }) => name === event)
        .reduce((sum, { args }) => sum + args!["count"]!, 0);
      expect(found, event).to.be.at.least(counts[event]!); // what set the stage is there too
    }
    const causes = slices().filter(({ pid, tid, args }) => pid === 2 && tid < 2 && args === undefined);
    const total = (list: typeof xen) => list.reduce((sum, { dur }) => sum + Math.round(dur * 1e3), 0);
    expect(total(xen)).to.equal(total(causes));
    const asked = slices().filter(({ pid, args }) => pid === 1 && args !== undefined);
    expect(total(asked)).to.equal(total(causes));
  });

  it("comes in parts where it would be too long, each of which stands for itself, and says the same", async () => {
    const recording = await readRecording(FILE, { strict: false });
    const geometry = defaultGeometry(recording.cpus);
    const config = {
      proposal: loadProposal("xpti"),
      geometry,
      ...profile.machine,
      audit: "observe" as const,
    };
    const machine = new Machine(config).boot();
    const limit = 1e6;
    const timeline = new Timeline(machine, recording.strings, profile, limit);
    const runner = new TraceRunner(machine, timeline);
    for (const chunk of recording.chunks) runner.consume(chunk);
    const texts = timeline.documents();
    expect(texts.length).to.be.above(2);
    for (const text of texts) expect(Buffer.byteLength(text)).to.be.at.most(limit);
    const parts = texts.map(parse);
    const length = (list: ReturnType<typeof slices>) =>
      list.reduce((sum, { dur }) => sum + Math.round(dur * 1e3), 0);
    expect(parts.reduce((sum, part) => sum + length(slicesOf(part)), 0)).to.equal(length(slices()));
    for (const { traceEvents } of parts)
      expect(traceEvents.filter(({ ph }) => ph === "M")).to.deep.equal(
        document.traceEvents.filter(({ ph }) => ph === "M"),
      );
  }).timeout(300_000);

  it("has each counter's samples in order of time", () => {
    const last = new Map<string, number>();
    for (const event of document.traceEvents) {
      if (event.ph !== "C") continue;
      if (event.ts < (last.get(event.name) ?? 0)) expect.fail(`${event.name} at ${event.ts} us`);
      last.set(event.name, event.ts);
    }
    expect(last.size).to.equal(8);
  });
});
