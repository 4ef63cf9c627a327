import { expect } from "chai";
import { importLine, importText } from "./import-text.js";

/** A line of perf script with this header, for a task of this name. */
function line(event: string, fields: string, comm = "redis-server"): string {
  return `${" ".repeat(16 - Buffer.byteLength(comm))}${comm} 22758/22760 [001]  6774.523744123: ${event.padStart(40)}: ${fields}`;
}

const EVENTS: [event: string, fields: string, kind: string, a: number[]][] = [
  ["raw_syscalls:sys_enter", "NR 273 (7fb189801a20, 18, 0, 0, 0, 31)", "sys_enter", [273]],
  [
    "exceptions:page_fault_user",
    "address=0x7fb1898d8353 ip=0x7fb1898d8353 error_code=0x14",
    "page_fault_user",
    [0x7fb1898d8353, 0x7fb1898d8353, 0x14],
  ],
  [
    "exceptions:page_fault_kernel",
    "address=0xffff888000001000 ip=0xffffffff812c317c error_code=0x2",
    "page_fault_kernel",
    [-0x777ffffff000, -0x7ed3ce84, 2],
  ],
  [
    "syscalls:sys_enter_mmap",
    "addr: 0x00000000, len: 0x00801000, prot: 0x00000003, flags: 0x00020022, fd: 0xffffffff, off: 0x00000000",
    "sys_enter_mmap",
    [0, 0x801000, 3, 0x20022, 0xffffffff, 0],
  ],
  [
    "syscalls:sys_enter_munmap",
    "addr: 0x7f454e0f1000, len: 0x0000b2af",
    "sys_enter_munmap",
    [0x7f454e0f1000, 0xb2af],
  ],
  [
    "syscalls:sys_enter_mremap",
    "addr: 0x7f0000000000, old_len: 0x00001000, new_len: 0x00002000, flags: 0x00000001, new_addr: 0x00000000",
    "sys_enter_mremap",
    [0x7f0000000000, 0x1000, 0x2000, 1, 0],
  ],
  ["syscalls:sys_enter_exit", "error_code: 0x00000000", "sys_enter_exit", []],
  ["syscalls:sys_exit_mmap", "0x7f454e0fd000", "sys_exit_mmap", [0x7f454e0fd000]],
  ["syscalls:sys_exit_mmap", "0xfffffffffffffff4", "sys_exit_mmap", [-12]],
  [
    "task:task_newtask",
    "pid=24707 comm=a clone_flags=3d0f00 oom_score_adj=0",
    "task_newtask",
    [24707, 0x3d0f00],
  ],
  [
    "sched:sched_process_fork",
    "comm=a pid=24700 child_comm=b child_pid=24707",
    "sched_process_fork",
    [24700, 24707],
  ],
  [
    "sched:sched_process_exec",
    "filename=/bin/true pid=24700 old_pid=24713",
    "sched_process_exec",
    [24700, 24713],
  ],
  ["sched:sched_process_exit", "comm=a pid=24705 prio=123 group_dead=false", "sched_process_exit", [24705]],
  ["sched:sched_process_exit", "comm=a pid=24705 prio=123", "sched_process_exit", [24705]],
  [
    "sched:sched_migrate_task",
    "comm=a pid=7 prio=120 orig_cpu=0 dest_cpu=1",
    "sched_migrate_task",
    [7, 0, 1],
  ],
  ["irq_vectors:local_timer_entry", "vector=236", "local_timer_entry", [236]],
  [
    "sched:sched_switch",
    "prev_comm=a prev_pid=7 prev_prio=120 prev_state=R+ ==> next_comm=swapper/1 next_pid=0 next_prio=120",
    "sched_switch",
    [7, 0, 0],
  ],
  [
    "sched:sched_switch",
    "prev_comm=a prev_pid=7 prev_prio=120 prev_state=X ==> next_comm=b next_pid=8 next_prio=-1",
    "sched_switch",
    [7, 8, 1],
  ],
];

/** Names that Linux allows; a line must be read past each of them. */
const NAMES = [
  "",
  "two words",
  "a/b 12/34",
  "x] [001] 1.0:",
  "==> next_comm=q",
  " ==> next_comm=",
  "prev_state=R",
  "next_pid=7 z",
  "co:lon-5",
  "-7",
  "sched_switch:",
  '()=0 "q"',
  "child_comm=y",
  "été 🐧",
  "tab\there",
];

describe("a line of perf script", () => {
  for (const [event, fields, kind, a] of EVENTS) {
    it(`${event}: ${fields} is ${kind} with ${a.join(" ")}`, () => {
      expect(importLine(line(event, fields))).to.deep.equal({
        kind,
        cpu: 1,
        tid: 22760,
        tgid: 22758,
        time: 6774523744123,
        comm: "redis-server",
        a,
      });
    });
  }

  for (const name of NAMES) {
    it(`is read past a task called "${name}", as owner, previous and next`, () => {
      const row = importLine(
        line(
          "sched:sched_switch",
          `prev_comm=${name} prev_pid=7 prev_prio=120 prev_state=S ==> next_comm=${name} next_pid=8 next_prio=120`,
          name,
        ),
      );
      expect(row.a).to.deep.equal([7, 8, 0]);
      expect([row.tid, row.tgid, row.cpu, row.comm]).to.deep.equal([22760, 22758, 1, name.trim()]);
    });

    it(`has parent and child where both are called "${name}"`, () => {
      const row = importLine(
        line("sched:sched_process_fork", `comm=${name} pid=7 child_comm=${name} child_pid=8`),
      );
      expect(row.a).to.deep.equal([7, 8]);
    });
  }

  it("has no thread group without -F", () => {
    const row = importLine(
      "         timeout  2711 [001]  1884.864553:  exceptions:page_fault_kernel: address=0x1000 ip=elf_load error_code=0x2",
    );
    expect([row.tid, row.tgid, row.time]).to.deep.equal([2711, -1, 1884864553000]);
    expect(row.a[1]).to.deep.equal(NaN);
  });

  it("may have lost its owner in a task's last switch", () => {
    const row = importLine(
      "             :-1 22765/-1    [000]  6775.1: sched:sched_switch: prev_comm=a prev_pid=22766 prev_prio=120 prev_state=X ==> next_comm=b next_pid=3 next_prio=120",
    );
    expect([row.tid, row.a]).to.deep.equal([-1, [22766, 3, 1]]);
  });

  it("keeps the name of an event of another kind", () => {
    const { rows, strings } = importText(`${line("xen:xen_mmu_set_pte", "ptep 0xffff888006 pteval 0x80")}\n`);
    expect(rows[0]!.kind).to.equal("OTHER");
    expect(strings.text(rows[0]!.a[0]!)).to.equal("xen_mmu_set_pte");
  });

  it("is exact in nanoseconds where the clock counts from 1970", () => {
    const at = (time: string) =>
      `            true 7/7 [000] ${time}: irq_vectors:local_timer_entry: vector=236\n`;
    const { rows, report } = importText(at("1795342495.132747001") + at("1795342496.132747002"));
    expect(report.originSeconds).to.equal(1795342495);
    expect(rows.map((row) => row.time)).to.deep.equal([132747001, 1132747002]);
  });

  for (const [event, fields] of [
    ["raw_syscalls:sys_enter", "NR 273 (7fb189801a20, 18"],
    ["exceptions:page_fault_user", "address=0x7fb1898d8353 ip=0x7fb1898d8353"],
    ["exceptions:page_fault_user", "address=0xfffffffffffffffffff ip=0x1 error_code=0x6"],
    ["syscalls:sys_enter_munmap", "addr: 0x7f454e0f1000, len: 0x0000b2af, more"],
    ["syscalls:sys_enter_munmap", "addr: 0x7f454e0f1000"],
    ["syscalls:sys_exit_mmap", "0x7f454e0fd000 0x1"],
    ["task:task_newtask", "pid=24707 comm=a clone_flags=3d0f00"],
    ["sched:sched_process_fork", "comm=a pid=24700 child_comm=b child_p"],
    ["sched:sched_switch", "prev_comm=a prev_pid=7 prev_prio=120 prev_state=R+ ==> next_comm=b next_pid=8"],
    ["irq_vectors:local_timer_entry", "vector=236 address=0x1"],
  ] as const) {
    it(`is damaged if ${event} says ${fields}`, () => {
      const { report } = importText(
        `${line(event, fields)}\n${line("irq_vectors:local_timer_entry", "vector=236")}\n`,
      );
      expect([report.events, report.firstLinesNotUnderstood]).to.deep.equal([1, [1]]);
    });
  }
});
