import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { expect } from "chai";
import { BadInput } from "../../abi/bad-input.js";
import { parseConsole } from "../../witness/console.js";
import { parseScript, readMmScripts } from "../../experiments/mm-script/script.js";
import { NOISE } from "../../experiments/mm-script/compare.js";
import { NOT_RECORDED } from "../../witness/count-events.js";
import { mergeRuns, recordedSteps } from "../../witness/record.js";

const script = parseScript(
  "test",
  {
    name: "two",
    group: "test",
    vcpus: 2,
    tasks: [{ task: "t0", vcpu: 0 }],
    regions: {},
    steps: [
      { task: "t0", op: "syscalls", calls: 1 },
      { task: "t0", op: "fork", child: "p", vcpu: 0 },
    ],
  },
  1,
);

const STEPS = "step 0 100 200 0\nstep 1 300 400 500\ndone\n";
const line = (cpu: number, time: number, event: string): string =>
  `          player-9       [00${cpu}]  ${time}: ${event}\n`;
const call = (cpu: number, time: number): string => line(cpu, time, "sys_enter: NR 39 (0, 0, 0, 0, 0, 0)");
const task = line(1, 1, "sched_switch: prev_comm=swapper/1 prev_pid=0 ==> next_comm=player next_pid=9");
const block = (...lines: string[]): string =>
  `${STEPS}@@ cpu 1\n# tracer: nop\n${task}${lines.join("")}@@ cpu 2\n`;

describe("witness: windows", () => {
  it("counts from BEGAN to ENDED as main, and on to STARTED as start", () => {
    const steps = recordedSteps(
      script,
      block(...[90, 150, 250, 350, 450, 460, 550].map((t) => call(1, t))),
      "c",
    );
    expect(steps).to.deep.equal([
      { step: 0, main: { linux: { syscall: 1 } } },
      { step: 1, main: { linux: { syscall: 1 } }, start: { linux: { syscall: 2 } } },
    ]);
  });

  it("refuses a block in which a step, or an event, is missing, and one in which the driver failed", () => {
    expect(() => recordedSteps(script, block().replace("step 1 300 400 500\n", ""), "c")).to.throw(
      BadInput,
      /c: two step 1: was not played/,
    );
    expect(() => recordedSteps(script, block("CPU:1 [LOST 12 EVENTS]\n"), "c")).to.throw(
      BadInput,
      /lost 12 events/,
    );
    expect(() => recordedSteps(script, "failed: pinning: Invalid argument\n", "c")).to.throw(
      BadInput,
      /the guest failed: pinning: Invalid argument/,
    );
  });

  it("makes one number of runs that agree, and a range of others, which is not stable then", () => {
    const run = (syscall: number) => [{ step: 0, main: { linux: { syscall, set_pte: 2 } } }];
    expect(mergeRuns([run(1), run(3), run(1)])).to.deep.equal([
      { step: 0, main: { linux: { set_pte: 2, syscall: [1, 1, 3] } }, stable: false },
    ]);
    expect(mergeRuns([run(1), run(1)])).to.deep.equal([
      { step: 0, main: { linux: { set_pte: 2, syscall: 1 } }, stable: true },
    ]);
  });

  it("gives the ground truth's counters from what Debian's kernel wrote to the console, but for emulated writes", () => {
    const console = gunzipSync(readFileSync(join(__dirname, "../data/witness/debian.console.gz"))).toString(
      "latin1",
    );
    const { blocks, xen, linux } = parseConsole(console, "debian.console.gz");
    expect(xen[0]).to.match(/^Xen version 4\.17/);
    expect(linux.join("\n")).to.include("@@ guest 6.1.0-56-amd64");
    const [recorded] = readMmScripts(join(__dirname, "../data/linux-6.1-pv/visible.jsonl.gz")).filter(
      ({ name }) => name === "fault_one_per_l2_table",
    );
    const steps = recordedSteps(recorded!, blocks.get("004.0")!, "debian.console.gz");
    for (const { step, main } of recorded!.results) {
      const ours = { ...main!.linux, ...main!.hypercalls, ...main!.xen, ...main!.hist_mc_flush };
      const { linux = {}, hypercalls = {}, xen = {}, hist_mc_flush = {} } = steps[step]!.main;
      const theirs: Record<string, number> = { ...linux, ...hypercalls, ...xen, ...hist_mc_flush };
      for (const [name, count] of Object.entries(ours)) {
        if (NOISE.has(name) || NOT_RECORDED.has(name)) continue;
        expect(theirs[name], `step ${step} ${name}`).to.equal(count);
      }
    }
  });
});
