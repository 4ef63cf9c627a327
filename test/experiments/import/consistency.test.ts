import { expect } from "chai";
import { importText } from "./import-text.js";

const THREAD = "task:task_newtask: pid=8 comm=a clone_flags=3d0f00 oom_score_adj=0";
const EXEC = "sched:sched_process_exec: filename=/bin/true pid=7 old_pid=7";
const MUNMAP = "syscalls:sys_enter_munmap: addr: 0x1000, len: 0x1000";
const MUNMAPPED = "syscalls:sys_exit_munmap: 0x0";
const CLONED = "syscalls:sys_exit_clone3: 0x0";
const TICK = "irq_vectors:local_timer_entry: vector=236";

/** What is wrong with lines of tasks of process 7. */
function damage(...lines: [tid: number, event: string][]): string[] {
  const text = lines.map(
    ([tid, event], i) => `            name     7/${tid}     [000]  1.00000${i}: ${event}\n`,
  );
  const { warnings } = importText(text.join("")).report;
  return warnings.filter((w) => w.damage).map((w) => `${w.what}: ${w.count}`);
}

describe("a recording fits together if", () => {
  it("a task was within a call when it began", () => {
    expect(damage([7, MUNMAPPED], [7, MUNMAP], [7, MUNMAPPED])).to.deep.equal([]);
  });

  it("a child returns from its parent's clone", () => {
    expect(damage([7, MUNMAP], [7, MUNMAPPED], [7, THREAD], [8, CLONED])).to.deep.equal([]);
  });

  it("a task was killed within a call, and its id is another's later", () => {
    expect(damage([8, MUNMAP], [7, THREAD], [8, MUNMAP], [8, MUNMAPPED])).to.deep.equal([]);
  });

  it("threads that were there before it show up", () => {
    expect(damage([7, TICK], [8, TICK], [9, TICK])).to.deep.equal([]);
  });

  it("after an exec each thread is made by a task_newtask", () => {
    expect(damage([7, EXEC], [7, THREAD], [8, TICK])).to.deep.equal([]);
  });
});

describe("a recording does not fit together if", () => {
  it("a task enters a call from within another", () => {
    expect(damage([7, MUNMAP], [7, MUNMAP])).to.deep.equal(["system calls return, but no line says so: 1"]);
  });

  it("a task returns from a call twice", () => {
    expect(damage([7, MUNMAP], [7, MUNMAPPED], [7, MUNMAPPED])).to.deep.equal([
      "system calls return that were not entered: 1",
    ]);
  });

  it("after an exec a thread appears that nothing made", () => {
    expect(damage([7, EXEC], [8, TICK], [8, TICK])).to.deep.equal([
      "threads appear that no task_newtask made: 1",
    ]);
  });
});
