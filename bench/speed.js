// npm run bench: import and simulation of the bundled recordings, against reading the file alone.
//
// Both sides in one run, in turn, after one run of each that is not counted; medians with the range of all. Import
// is compared with `gzip -dc FILE | wc -l`, which is the limit of reading the input. Writes out/bench.json.
"use strict";

const { execSync } = require("node:child_process");
const { mkdirSync, renameSync, writeFileSync } = require("node:fs");
const { cpus } = require("node:os");
const { join } = require("node:path");
const { ensureInstalled } = require("../scripts/ensure-installed.js");
const { ensureBuilt } = require("../scripts/ensure-built.js");
const { ROOT } = require("../scripts/run.js");

const REPETITIONS = 7;

async function bench() {
  const status = (await ensureInstalled()) || (await ensureBuilt());
  if (status !== 0) return status;
  const { BUNDLED } = require("../dist/experiments/bundled.js");
  const { loadProposals } = require("../dist/experiments/evaluate.js");
  const { runWorkload } = require("../dist/experiments/run/run-workload.js");
  const proposals = loadProposals([]);
  const machine = { pcid: true, invpcid: true };
  const recordings = [];
  for (const file of BUNDLED) {
    const read = [];
    const imported = [];
    const simulated = proposals.map(() => []);
    let name = "";
    let events = 0;
    for (let repetition = 0; repetition <= REPETITIONS; repetition++) {
      const began = performance.now();
      execSync(`gzip -dc '${file}' | wc -l`);
      const reading = (performance.now() - began) / 1000;
      const { workload, outcomes, speed } = await runWorkload({ file, proposals, machine, strict: false });
      ({ name, events } = workload);
      if (repetition === 0) continue;
      read.push(reading);
      imported.push(events / speed.importEventsPerSecond);
      outcomes.forEach((outcome, i) => simulated[i].push(outcome.eventsPerSecond));
    }
    const ratio = imported.map((seconds, i) => seconds / read[i]);
    const row = {
      recording: name,
      events,
      readSeconds: spread(read),
      importSeconds: spread(imported),
      importToRead: spread(ratio),
      simulation: proposals.map((proposal, i) => ({
        proposal: proposal.name,
        eventsPerSecond: spread(simulated[i]),
      })),
    };
    recordings.push(row);
    print(row);
  }
  write({ node: process.version, cpu: cpus()[0]?.model, repetitions: REPETITIONS, recordings });
  return 0;
}

function spread(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return { min: sorted[0], median: sorted[(sorted.length - 1) >> 1], max: sorted[sorted.length - 1] };
}

function print({ recording, events, readSeconds, importSeconds, importToRead, simulation }) {
  const ms = ({ min, median, max }) =>
    `${(median * 1e3).toFixed(0)} ms [${(min * 1e3).toFixed(0)}..${(max * 1e3).toFixed(0)}]`;
  const million = ({ min, median, max }) =>
    `${(median / 1e6).toFixed(2)} M events/s [${(min / 1e6).toFixed(2)}..${(max / 1e6).toFixed(2)}]`;
  const { min, median, max } = importToRead;
  console.log(`${recording}, ${events} events`);
  console.log(`  gzip -dc | wc -l     ${ms(readSeconds)}`);
  console.log(
    `  import               ${ms(importSeconds)}, ${median.toFixed(2)} times as long [${min.toFixed(2)}..${max.toFixed(2)}]`,
  );
  for (const { proposal, eventsPerSecond } of simulation) {
    console.log(`  ${proposal.padEnd(20)} ${million(eventsPerSecond)}`);
  }
}

function write(document) {
  const file = join(ROOT, "out", "bench.json");
  mkdirSync(join(ROOT, "out"), { recursive: true });
  writeFileSync(`${file}.tmp`, `${JSON.stringify(document, null, 1)}\n`);
  renameSync(`${file}.tmp`, file);
  console.log(`\n${file}`);
}

bench().then((status) => (process.exitCode = status));
