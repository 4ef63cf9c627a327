import { expect } from "chai";
import { importText } from "./import-text.js";

/** Kinds and arguments of the rows that the lines become; each line is a tid and what follows the time. */
function rows(...lines: [tid: number, rest: string][]): [kind: string, tid: number, a: number[]][] {
  const text = lines.map(([tid, rest], i) => `${tid}  1795342495.00000${i} ${rest}\n`).join("");
  return importText(text).rows.map(({ kind, tid, a }) => [kind, tid, a]);
}

describe("a line of strace -f -ttt", () => {
  it("is an entry and a return", () => {
    expect(
      rows([3, "mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f481a8ec000"]),
    ).to.deep.equal([
      ["sys_enter_mmap", 3, [0, 8192, 3, 0x22, -1, 0]],
      ["sys_exit_mmap", 3, [0x7f481a8ec000]],
    ]);
  });

  it("may be cut in two by another task's", () => {
    expect(
      rows(
        [3, "mprotect(0x7f22e8180000, 131072, PROT_READ <unfinished ...>"],
        [4, "brk(NULL)       = 0x55a5621c4000"],
        [3, "<... mprotect resumed>) = 0"],
      ),
    ).to.deep.equal([
      ["sys_enter_mprotect", 3, [0x7f22e8180000, 131072, 1]],
      ["sys_enter_brk", 4, [0]],
      ["sys_exit_brk", 4, [0x55a5621c4000]],
      ["sys_exit_mprotect", 3, [0]],
    ]);
  });

  it("of clone3 makes a task with the flags that task_newtask would show", () => {
    const made = rows(
      [
        3,
        "clone3({flags=CLONE_VM|CLONE_VFORK, exit_signal=SIGCHLD, stack=0x7f8c1c00c000}, 88 <unfinished ...>",
      ],
      [3, "<... clone3 resumed> => {parent_tid=[7]}, 88) = 7"],
    );
    expect(made[1]).to.deep.equal(["task_newtask", 3, [7, 0x4100]]);
  });

  it("of execve starts a program, whatever its arguments look like", () => {
    expect(
      rows([3, 'execve("/usr/bin/make", ["make", ") = 5"], 0x55a5621d47a0 /* 35 vars */) = 0']),
    ).to.deep.equal([
      ["sys_enter_execve", 3, []],
      ["sched_process_exec", 3, [3, 3]],
      ["sys_exit_execve", 3, [0]],
    ]);
  });

  it("of an execve that fails starts none", () => {
    const kinds = rows([
      3,
      'execve("/x", ["x"], 0x1 /* 35 vars */) = -1 ENOENT (No such file or directory)',
    ]).map(([kind]) => kind);
    expect(kinds).to.deep.equal(["sys_enter_execve", "sys_exit_execve"]);
  });

  it("can be a task's end", () => {
    expect(
      rows([3, "exit(0 <unfinished ...>"], [3, "<... exit resumed>) = ?"], [3, "+++ exited with 0 +++"]),
    ).to.deep.equal([
      ["sys_enter_exit", 3, []],
      ["sched_process_exit", 3, [3]],
    ]);
  });

  it("comes back in the leader if a thread calls execve", () => {
    expect(
      rows(
        [4, 'execve("/bin/true", ["true"], 0x1 /* 2 vars */ <unfinished ...>'],
        [3, "+++ superseded by execve in pid 4 +++"],
        [3, "<... execve resumed>) = 0"],
      ).map(([kind, tid]) => [kind, tid]),
    ).to.deep.equal([
      ["sys_enter_execve", 4],
      ["sched_process_exec", 3],
      ["sys_exit_execve", 3],
    ]);
  });

  it("of a call that is not modelled is one event, of a user task", () => {
    const { rows: all, strings } = importText(
      "7  1795342495.5 futex(0x7f22e7, FUTEX_WAIT_PRIVATE, 2, NULL) = 0\n",
    );
    expect(all.map(({ kind, tid, a }) => [kind, tid, strings.text(a[0]!), a[1]])).to.deep.equal([
      ["OTHER", 7, "futex", 1],
    ]);
  });

  it("may begin with [pid N]", () => {
    const { rows: all } = importText("[pid    7] 1795342495.5 munmap(0x1000, 4096) = 0\n");
    expect(all.map(({ kind, tid }) => [kind, tid])).to.deep.equal([
      ["sys_enter_munmap", 7],
      ["sys_exit_munmap", 7],
    ]);
  });
});
