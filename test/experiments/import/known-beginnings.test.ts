import { expect } from "chai";
import fc from "fast-check";
import { EventChunk, KIND, Strings } from "../../../experiments/import/event.js";
import { Beginning, KnownBeginnings } from "../../../experiments/import/known-beginnings.js";
import { Clock, LINE_EVENT } from "../../../experiments/import/line.js";
import { LineParser } from "../../../experiments/import/line-parsers.js";
import { lines } from "./recorded-lines.js";

/** What a parser makes of a line: the answer, and what is in the row. */
function parsed(parser: LineParser, strings: Strings, line: Buffer): unknown[] {
  const chunk = new EventChunk(1);
  const answer = parser.parse(line, 0, line.length, chunk);
  if (answer !== LINE_EVENT) return [answer];
  const { kind, cpu, tid, tgid, time, comm, a } = chunk;
  const values = a.map((column) => column[0]!);
  const name = kind[0] === KIND.OTHER ? strings.text(values[0]!) : "";
  if (kind[0] === KIND.OTHER || kind[0] === KIND.task_rename)
    values.splice(kind[0] === KIND.OTHER ? 0 : 1, 1);
  return [answer, kind[0], cpu[0], tid[0], tgid[0], time[0], strings.text(comm[0]!), name, values];
}

/** What a parser that has read `seen` makes of a line. */
function having(seen: readonly Buffer[]): (line: Buffer) => unknown[] {
  const clock = new Clock();
  clock.time(0, 0); // counts from 0, whichever line is first
  const strings = new Strings();
  const parser = new LineParser("perf", clock, strings);
  for (const line of seen) parsed(parser, strings, line);
  return (line) => parsed(parser, strings, line);
}

describe("KnownBeginnings", () => {
  for (const file of [
    "odd_names.perf.txt.gz",
    "damaged/good_base.perf.txt",
    "damaged/default_fields_no_tgid.perf.txt",
    "damaged/absurd_numbers.perf.txt",
  ]) {
    it(`does not change what a line of ${file} says, be it damaged or not`, () => {
      const all = lines(file);
      const known = having(all);
      const places = fc.record({
        line: fc.nat({ max: all.length - 1 }),
        at: fc.nat({ max: 120 }),
        byte: fc.oneof(fc.constantFrom(...Buffer.from(" :.[]/0129-as")), fc.nat({ max: 255 })),
        cut: fc.oneof(fc.constant(400), fc.nat({ max: 140 })),
      });
      fc.assert(
        fc.property(places, ({ line, at, byte, cut }) => {
          const bytes = Buffer.from(all[line]!.subarray(0, cut));
          if (at < bytes.length) bytes[at] = byte;
          known(all[line]!);
          expect(known(bytes), bytes.toString("latin1")).to.deep.equal(having([])(bytes));
        }),
        { numRuns: 200 },
      );
    });
  }

  it("knows lines of a task, a second and an event that it has read before", () => {
    const line = (time: string, event: string) =>
      Buffer.from(`            true     7/7     [000]    ${time}: ${event.padStart(40)} 0x0`);
    const known = new KnownBeginnings();
    const b = new Beginning();
    const first = line("12.000000007", "syscalls:sys_exit_brk:");
    expect(known.read(first, 0, first.length, b)).to.equal(false);
    Object.assign(b, { tid: 7, tgid: 7, seconds: 12, kind: KIND.sys_exit_brk });
    b.event = first.indexOf("syscalls");
    b.fields = first.indexOf(" 0x0");
    known.keep(first, 0, first.length, b);

    const later = line("12.500000", "syscalls:sys_exit_brk:");
    expect(known.read(later, 0, later.length, b)).to.equal(true);
    expect([b.tid, b.seconds, b.fraction, b.kind]).to.deep.equal([7, 12, 5e8, KIND.sys_exit_brk]);
    expect(b.fields).to.equal(later.indexOf(" 0x0"));
    for (const other of [
      line("13.500000", "syscalls:sys_exit_brk:"),
      line("12.500000", "syscalls:sys_exit_mmap:"),
    ])
      expect(known.read(other, 0, other.length, b), other.toString()).to.equal(false);
    for (let end = 0; end <= b.fields; end++)
      expect(known.read(later, 0, end, b), String(end)).to.equal(false);
  });

  it("takes the second name where one follows the colon", () => {
    const before = "            true 7/7 [000] 1.5:";
    for (const name of ["sys_exit_brk:sys_exit_mmap", "sys_exit_brk:0"]) {
      const known = having([Buffer.from(`${before}                 sys_exit_brk: 0x0`)]);
      const line = Buffer.from(`${before}                 ${name}: 0x0`);
      expect(known(line), name).to.deep.equal(having([])(line));
    }
  });
});
