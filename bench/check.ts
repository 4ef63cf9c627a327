// npm run bench:check [-- MODULE EXPORT OPTIONS]: the checker against SPIN on one protocol, in one run.
//
// bench/per-thread.pml and bench/per-thread.ts are one model; states and transitions must be equal. Per repetition, in
// turn: SPIN (-DSAFETY -O2) without reductions and with its own, the checker without and with its own, and the checker
// without on two threads. Then the twins as linux-per-mm-vcpu, 2,762,084 states, on one thread and on two. Medians with the range of all. CPU seconds tell rates on a machine that others use too; the
// speed-up of two threads is of wall time, on two cores that do nothing else; where the CPU seconds of two threads are
// at most 1.17 times those of one, it can be 1.7. Needs `spin` and `gcc` (Debian: spin, gcc). Another model is one row more: MODULE's EXPORT
// is called with OPTIONS (JSON), and explored without reductions. Writes out/bench-check.json.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { StrategyOptions } from "../checker/explore.js";
import type { ModelSource } from "../checker/model.js";
import type { Outcome } from "../checker/outcome.js";
import { pvSource } from "../experiments/check/check-proposal.js";
import { loadProposal } from "../experiments/load-proposal.js";
import { perThreadSource, SMALL } from "./per-thread.js";

const ROOT = join(__dirname, "..");
const REPETITIONS = Number(process.env["REPETITIONS"] ?? 3);
const GIB = 2 ** 30;
const PLAIN = { partialOrder: false, symmetry: false, maxBytes: 4 * GIB };

/** Of bar size: two vCPUs, three threads over two processes, two slots, two operations each; more than two million states. */
const TWINS = "linux-per-mm-vcpu";
const TWIN_BOUNDS = { vcpus: 2, threads: 3, mms: 2, slots: 2, ops: 2 };
const TWIN_REPETITIONS = Math.min(REPETITIONS, 3);

interface Run {
  readonly states: number;
  readonly transitions: number;
  readonly wall: number;
  readonly cpu: number;
  readonly bytesPerState: number;
}

interface Row {
  readonly name: string;
  readonly run: () => Run;
  readonly runs: Run[];
}

/** Build a verifier of `flags`; returns how to run it. SPIN counts its init process's two steps and one state besides. */
export function spin(
  folder: string,
  name: string,
  flags: readonly string[],
  defines: readonly string[] = [],
): () => Run {
  const pan = join(folder, name);
  execFileSync("spin", [...defines, "-a", join(__dirname, "per-thread.pml")], { cwd: folder });
  execFileSync("gcc", ["-O2", "-DSAFETY", "-DMEMLIM=8192", "-w", ...flags, "-o", pan, "pan.c"], {
    cwd: folder,
  });
  return () => {
    const began = performance.now();
    const { stdout } = spawnSync("bash", ["-c", `${pan} -m1000000 -w24; times`], {
      cwd: folder,
      encoding: "utf8",
    });
    const wall = (performance.now() - began) / 1000;
    const number = (pattern: RegExp): number => Number(pattern.exec(stdout)?.[1]);
    if (number(/errors: (\d+)/) !== 0) throw new Error(`${name}: SPIN has an error:\n${stdout}`);
    const times = /(\d+)m([\d.]+)s (\d+)m([\d.]+)s\s*$/.exec(stdout)!.slice(1).map(Number);
    const states = number(/(\d+) states, stored/) - 1;
    return {
      states,
      transitions: number(/(\d+) transitions/) - 2,
      wall,
      cpu: times[0]! * 60 + times[1]! + times[2]! * 60 + times[3]!,
      bytesPerState: (number(/([\d.]+)\s+total actual memory/) * 2 ** 20) / states,
    };
  };
}

/** Compile what runs, so that no thread compiles TypeScript while it is measured. Returns where it is. */
function build(folder: string): string {
  const tsc = require.resolve("typescript/bin/tsc");
  const files = [
    "bench/check-run.ts",
    "bench/per-thread.ts",
    "checker/worker.ts",
    "experiments/check/pv-model.ts",
  ];
  const settings = [
    "--ignoreConfig",
    "--rootDir",
    ".",
    "--outDir",
    folder,
    "--skipLibCheck",
    "--types",
    "node",
  ];
  const language = ["--target", "es2022", "--module", "nodenext", "--esModuleInterop"];
  execFileSync(process.execPath, [tsc, ...settings, ...language, ...files], { cwd: ROOT, stdio: "inherit" });
  return join(folder, "bench");
}

function checker(built: string, source: ModelSource, options: StrategyOptions): () => Run {
  const args = [join(built, "check-run.js"), JSON.stringify([source, options])];
  return () => {
    const text = execFileSync(process.execPath, args, { encoding: "utf8" });
    const { states, transitions, seconds, cpuSeconds, soundness, verdict } = JSON.parse(text) as Outcome & {
      cpuSeconds: number;
    };
    if (verdict === "violated") throw new Error(`${source.make}: violated; the bench is of models that hold`);
    return {
      states,
      transitions,
      wall: seconds,
      cpu: cpuSeconds,
      bytesPerState: soundness.seenBytesPerState,
    };
  };
}

function bench(args: readonly string[]): number {
  const folder = mkdtempSync(join(tmpdir(), "pvtwin-bench-"));
  try {
    const built = build(folder);
    const source = { ...perThreadSource(SMALL), module: join(built, "per-thread.js") };
    const row = (name: string, run: () => Run): Row => ({ name, run, runs: [] });
    const rows = [
      row("SPIN, no reduction", spin(folder, "full", ["-DNOREDUCE"])),
      row("checker, no reduction", checker(built, source, PLAIN)),
      row("SPIN, partial order", spin(folder, "reduced", [])),
      row("checker, symmetry", checker(built, source, { maxBytes: 4 * GIB })),
      row("checker, no reduction, 2 threads", checker(built, source, { ...PLAIN, workers: 2 })),
    ];
    const proposal = loadProposal(TWINS);
    const twins = {
      ...pvSource({ proposal, bounds: TWIN_BOUNDS, kinds: "safety" }),
      module: join(folder, "experiments", "check", "pv-model.js"),
    };
    const twinRows = [1, 2].map((workers) =>
      row(`${TWINS}, ${workers} thread(s)`, checker(built, twins, { maxBytes: 4 * GIB, workers })),
    );
    const [module, make, options = "{}"] = args;
    if (module !== undefined && make !== undefined) {
      const other = { module: resolve(module), make, options: JSON.parse(options) as unknown };
      rows.push(row(`checker, ${make}`, checker(built, other, PLAIN)));
    }
    for (let i = 0; i < REPETITIONS; i++) for (const { run, runs } of rows) runs.push(run());
    for (let i = 0; i < TWIN_REPETITIONS; i++) for (const { run, runs } of twinRows) runs.push(run());
    return report([...rows.slice(0, 5), ...twinRows, ...rows.slice(5)]);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function report(rows: readonly Row[]): number {
  console.log(
    "                                     states  transitions     CPU s    wall s  states/CPU s  bytes",
  );
  for (const { name, runs } of rows) {
    const { states, transitions } = runs[0]!;
    const cpu = median(runs, "cpu");
    console.log(
      `${name.padEnd(33)} ${String(states).padStart(9)} ${String(transitions).padStart(12)} ` +
        `${cpu.toFixed(2).padStart(9)} ${median(runs, "wall").toFixed(2).padStart(9)} ` +
        `${Math.round(states / cpu)
          .toLocaleString("en-US")
          .padStart(13)} ${median(runs, "bytesPerState").toFixed(1).padStart(6)}`,
    );
  }
  const [spinFull, full, spinReduced, reduced, two, twins, twinsOnTwo] = rows as [
    Row,
    Row,
    Row,
    Row,
    Row,
    Row,
    Row,
  ];
  const ratio = (a: Row, b: Row, what: "cpu" | "wall"): number[] =>
    a.runs.map((run, i) => run[what] / b.runs[i]![what]);
  const ratios = {
    "states/s of the checker to SPIN's": ratio(spinFull, full, "cpu"),
    "time to SPIN's verdict to the checker's, with reductions": ratio(spinReduced, reduced, "cpu"),
    "speed-up of two threads": ratio(full, two, "wall"),
    [`speed-up of two threads, ${TWINS}`]: ratio(twins, twinsOnTwo, "wall"),
    [`CPU seconds of two threads to those of one, ${TWINS}`]: ratio(twinsOnTwo, twins, "cpu"),
  };
  for (const [name, values] of Object.entries(ratios)) {
    const sorted = [...values].sort((a, b) => a - b);
    const shown = sorted.map((value) => value.toFixed(2));
    console.log(`${name}: ${shown[(shown.length - 1) >> 1]} [${shown[0]}..${shown.at(-1)}]`);
  }
  const equal = [
    [full, spinFull],
    [two, spinFull],
    [twinsOnTwo, twins],
  ].every(([one, other]) =>
    one!.runs.every(({ states, transitions }) => {
      const { states: s, transitions: t } = other!.runs[0]!;
      return states === s && transitions === t;
    }),
  );
  console.log(equal ? "states and transitions are equal" : "STATES OR TRANSITIONS DIFFER");
  const out = join(ROOT, "out");
  mkdirSync(out, { recursive: true });
  const file = join(out, "bench-check.json");
  const document = { node: process.version, cpu: cpus()[0]?.model, ratios, rows };
  writeFileSync(`${file}.tmp`, `${JSON.stringify(document, null, 1)}\n`);
  renameSync(`${file}.tmp`, file);
  return equal ? 0 : 1;
}

function median(runs: readonly Run[], what: keyof Run): number {
  const sorted = runs.map((run) => run[what]).sort((a, b) => a - b);
  return sorted[(sorted.length - 1) >> 1]!;
}

if (require.main === module) process.exitCode = bench(process.argv.slice(2));
