import { expect } from "chai";
import { importLine, importText } from "./import-text.js";

function line(event: string, fields: string, comm = "redis-server"): string {
  return `${comm.padStart(16)}-22760   [001]  6774.523744: ${`${event}:`.padEnd(21)} ${fields}`;
}

describe("a line of trace-cmd report", () => {
  for (const name of [
    "",
    "two words",
    "x] [001] 1.0:",
    "==> next_comm=q",
    "==>",
    "co:lon-5",
    "-7",
    "a:1 [2] S ==> ",
  ]) {
    it(`is read past a task called "${name}", as owner, previous and next`, () => {
      const row = importLine(line("sched_switch", `${name}:22760 [120] Z ==> ${name}:8 [123]`, name));
      expect([row.kind, row.tid, row.tgid, row.comm]).to.deep.equal(["sched_switch", 22760, -1, name.trim()]);
      expect(row.a).to.deep.equal([22760, 8, 1]);
    });
  }

  it("may have flags before its time", () => {
    const row = importLine(
      "           redis-7     [001] d..2.  6774.523744: local_timer_entry:    vector=236",
    );
    expect([row.cpu, row.time, row.a]).to.deep.equal([1, 6774523744000, [236]]);
  });

  it("may come from a buffer instance", () => {
    const row = importLine(
      `mmt: ${line("page_fault_user", "address=0x1000 ip=0x2000 error_code=0x6", "two words")}`,
    );
    expect([row.comm, row.a]).to.deep.equal(["two words", [0x1000, 0x2000, 6]]);
  });

  it("is damaged where the recorder could not format a switch", () => {
    const { report } = importText(
      `${line("sched_switch", "[FAILED TO PARSE] prev_comm=ARRAY[00, 01] prev_pid=5")}\n${line("local_timer_entry", "vector=236")}\n`,
    );
    expect([report.events, report.linesNotUnderstood]).to.deep.equal([1, 1]);
    expect(report.warnings[0]).to.include({ firstLine: 1, damage: true });
  });

  it("cpus=2 is no event, and no damage", () => {
    const { report } = importText(`cpus=2\n${line("local_timer_entry", "vector=236")}\n`, { strict: true });
    expect(report.format).to.equal("tracecmd");
    expect([report.linesNotUnderstood, report.firstLinesNotUnderstood]).to.deep.equal([1, [1]]);
  });
});
