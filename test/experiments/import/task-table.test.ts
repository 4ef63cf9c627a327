import { expect } from "chai";
import { type EventChunk, Strings } from "../../../experiments/import/event.js";
import { TraceImporter } from "../../../experiments/import/import-trace.js";
import { TaskTable } from "../../../experiments/import/task-table.js";

/** A table that has seen these lines of trace-cmd report: [tid, event, fields]. */
function seen(...lines: [tid: number, event: string, fields: string][]): TaskTable {
  const table = new TaskTable();
  const text = lines.map(
    ([tid, event, fields], i) => `            name-${tid}   [000]  1.00000${i}: ${event}: ${fields}\n`,
  );
  const apply = (chunk: EventChunk) => {
    for (let i = 0; i < chunk.n; i++) table.apply(chunk, i);
  };
  const importer = new TraceImporter("t.txt", { strings: new Strings() }, apply);
  importer.push(Buffer.from(text.join("")));
  importer.finish({ gzip: false });
  return table;
}

const CALL: [string, string] = ["sys_enter", "NR 39 (0, 0, 0, 0, 0, 0)"];

/** [tgid, its user tasks, alive now, most alive, assumed] of each process. */
function processes(table: TaskTable): unknown[] {
  return table.userProcesses().map((p) => [p.tgid, [...p.userTasks], p.alive, p.aliveMax, p.assumed]);
}

describe("TaskTable", () => {
  it("takes a task that nothing made for the leader of a process", () => {
    expect(processes(seen([7, ...CALL]))).to.deep.equal([[7, [7], 1, 1, true]]);
  });

  it("puts a task made with CLONE_THREAD in its maker's process, and any other in one of its own", () => {
    const table = seen(
      [7, ...CALL],
      [7, "task_newtask", "pid=8 comm=a clone_flags=3d0f00 oom_score_adj=0"],
      [7, "task_newtask", "pid=9 comm=a clone_flags=4100 oom_score_adj=0"],
      [8, ...CALL],
      [9, ...CALL],
    );
    expect(processes(table)).to.deep.equal([
      [7, [7, 8], 2, 2, true],
      [9, [9], 1, 1, false],
    ]);
  });

  it("leaves the leader alone alive after an execve by another thread, which takes the leader's id", () => {
    const table = seen(
      [7, ...CALL],
      [7, "task_newtask", "pid=8 comm=a clone_flags=3d0f00 oom_score_adj=0"],
      [8, ...CALL],
      [7, "sched_process_exit", "comm=a pid=7 prio=120 group_dead=false"],
      [7, "sched_process_exec", "filename=/bin/true pid=7 old_pid=8"],
    );
    expect(processes(table)).to.deep.equal([[7, [7, 8], 1, 2, true]]);
    expect(table.get(8)!.alive).to.equal(false);
  });

  it("counts a task that is only named, but not as a user task", () => {
    const table = seen([7, ...CALL], [7, "sched_switch", "name:7 [120] S ==> kworker/0:1:30 [120]"]);
    expect([table.count, table.userTids.size]).to.deep.equal([2, 1]);
  });

  it("makes one task of a task_newtask that is there twice", () => {
    const line: [number, string, string] = [
      7,
      "task_newtask",
      "pid=8 comm=a clone_flags=3d0f00 oom_score_adj=0",
    ];
    expect(processes(seen([7, ...CALL], line, line, [8, ...CALL]))).to.deep.equal([[7, [7, 8], 2, 2, true]]);
  });

  it("gives an id that is used again to the new task", () => {
    const table = seen(
      [7, ...CALL],
      [7, "task_newtask", "pid=8 comm=a clone_flags=3d0f00 oom_score_adj=0"],
      [8, "sched_process_exit", "comm=a pid=8 prio=120 group_dead=false"],
      [7, "task_newtask", "pid=8 comm=a clone_flags=0 oom_score_adj=0"],
      [8, ...CALL],
    );
    expect(processes(table)).to.deep.equal([
      [7, [7], 1, 2, true],
      [8, [8], 1, 1, false],
    ]);
  });
});
