// Machines that have run a recording, for the sides that need one.
"use strict";

const { join } = require("node:path");
const { ROOT } = require("../../scripts/run.js");
const { loadProposal } = require("../../dist/experiments/evaluate.js");
const { readRecording } = require("../../dist/experiments/import/recording.js");
const { TraceRunner } = require("../../dist/experiments/run/trace-runner.js");
const { defaultGeometry, smallGeometry } = require("../../dist/machine/geometry.js");
const { Machine } = require("../../dist/machine/machine.js");

/** The bundled recording `name`, imported. */
function recorded(name) {
  return readRecording(join(ROOT, "recordings", `${name}.perf.txt.gz`), { strict: false });
}

/** A machine of `proposal`, booted, for what `recording` needs. */
function booted(proposal, { cpus }) {
  const found = loadProposal(proposal);
  const geometry = defaultGeometry(Math.max(2, cpus));
  const config = { proposal: found, geometry, pcid: true, invpcid: true, audit: "observe" };
  return new Machine(config).boot();
}

/** A machine of `proposal` with so many vCPUs, not yet booted; in `bytes`, if they are given. */
function machineOf(proposal, vcpus, bytes) {
  const geometry = {
    ...smallGeometry(vcpus),
    nrTables: 1024 + 64 * vcpus,
    nrFrames: 8192 + 1024 * vcpus,
    maxMms: 16 + 4 * vcpus,
    maxTasks: 64 + 8 * vcpus,
  };
  const config = { proposal: loadProposal(proposal), geometry, pcid: true, invpcid: true, audit: "observe" };
  return new Machine(config, bytes);
}

/** A machine of 6.1 on 4.17 after the first half of a recording: its processes are still there. */
async function playHalf(name) {
  const recording = await recorded(name);
  const machine = booted("shared", recording);
  const runner = new TraceRunner(machine);
  for (const chunk of recording.chunks.slice(0, recording.chunks.length >> 1)) runner.consume(chunk);
  return machine;
}

module.exports = { booted, machineOf, playHalf, recorded };
