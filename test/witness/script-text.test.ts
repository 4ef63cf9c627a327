import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { BadInput } from "../../abi/bad-input.js";
import { parseScript, readMmScripts, type MmScript } from "../../experiments/mm-script/script.js";
import { scriptText } from "../../witness/script-text.js";

const script = (...steps: object[]): MmScript =>
  parseScript(
    "test",
    {
      name: "one",
      group: "test",
      vcpus: 2,
      tasks: [{ task: "t0", vcpu: 1 }],
      regions: { a: { slot: 2, page: 3, pages: 10 } },
      steps,
    },
    1,
  );
const lines = (...steps: object[]): string[] =>
  scriptText(script(...steps), "s.jsonl", 1)
    .trim()
    .split("\n");

describe("witness: scripts for the driver", () => {
  it("gives regions their addresses, and vCPU 0 the first CPU that carries scripts", () => {
    const start = 2 * 2 ** 39 + 3 * 4096;
    expect(lines({ task: "t0", op: "munmap", region: "a", from: 1, count: 2 })).to.deep.equal([
      "task 0 2",
      `step 0 0 d 0 5 ${start + 4096} 8192 0 0 0 0 0`,
    ]);
  });

  it("maps at the address or not at all, files by the descriptor that the driver leaves", () => {
    const [, anon, file] = lines(
      { task: "t0", op: "mmap", region: "a", prot: "r" },
      { task: "t0", op: "mmap", region: "a", kind: "fileshared", populate: true },
    );
    expect(anon!.split(" ").slice(7)).to.deep.equal(
      ["40960", "1", `${0x100022}`, "18446744073709551615", "0", "0"].slice(0),
    );
    expect(file!.split(" ").slice(8, 11)).to.deep.equal(["3", `${0x108001}`, "4"]);
  });

  it("knows how the end of each task is seen: reaped, tid cleared, or a leader whose threads live", () => {
    const ends = lines(
      { task: "t0", op: "clone_thread", child: "t1", vcpu: 0 },
      { task: "t0", op: "fork", child: "p", vcpu: 0 },
      { task: "p", op: "exit" },
      { task: "t1", op: "clone_thread", child: "t2", vcpu: 0 },
      { task: "t1", op: "exit" },
      { task: "t0", op: "exit" },
      { task: "t2", op: "exit" },
    );
    expect(ends.slice(1).map((line) => line.split(" ")[3])).to.deep.equal([
      "c",
      "c",
      "r",
      "c",
      "t",
      "l",
      "r",
    ]);
  });

  it("lets exec go on where the task was moved to", () => {
    const [, , exec] = lines({ task: "t0", op: "migrate", vcpu: 0 }, { task: "t0", op: "exec" });
    expect(exec!.split(" ").slice(3, 7)).to.deep.equal(["e", "0", "13", "1"]);
  });

  it("numbers ops as the player's enum does", () => {
    const header = readFileSync(join(__dirname, "../../witness/guest/control.h"), "utf8");
    const names = [...header.matchAll(/^\tOP_(\w+),/gm)].map(([, name]) => name!);
    const numberOf = (op: string, fields: object = {}): number =>
      Number(lines({ task: "t0", op, ...fields })[1]!.split(" ")[5]);
    expect(names[numberOf("nop")]).to.equal("NOP");
    expect(names[numberOf("fpu")]).to.equal("FPU");
    expect(names[numberOf("vfork_exec", { children: 1 })]).to.equal("VFORK_EXEC");
    expect(names[numberOf("mprotect", { region: "a", prot: "r" })]).to.equal("MPROTECT");
  });

  it("has all of the recorded scripts", () => {
    const file = join(__dirname, "../data/linux-6.1-pv/visible.jsonl.gz");
    for (const recorded of readMmScripts(file))
      expect(scriptText(recorded, file, 1).trim().split("\n")).to.have.length(
        recorded.tasks.length + recorded.steps.length,
        recorded.name,
      );
  });

  it("refuses a step of a task or on a region that is not there, with script and step", () => {
    expect(() => lines({ task: "t9", op: "nop" })).to.throw(
      BadInput,
      /s\.jsonl: one step 0: there is no task t9 now; /,
    );
    expect(() => lines({ task: "t0", op: "munmap", region: "b" })).to.throw(
      BadInput,
      /there is no region b; /,
    );
    expect(() => lines({ task: "t0", op: "exit" }, { task: "t0", op: "nop" })).to.throw(
      BadInput,
      /step 1: there is no task t0/,
    );
  });
});
