// many-threads PROPOSAL PROCESSES THREADS: builds such a machine; prints {tableBytes, residentBytes}.
"use strict";

const { loadProposal } = require("../../dist/experiments/evaluate.js");
const { do_execve } = require("../../dist/linux-mm-model/exec.js");
const { CLONE_FILES, CLONE_THREAD, CLONE_VM, copy_process } = require("../../dist/linux-mm-model/fork.js");
const { context_switch } = require("../../dist/linux-mm-model/sched.js");
const { VM_READ } = require("../../dist/linux-mm-model/vma.js");
const { Machine } = require("../../dist/machine/machine.js");

const FILE_PAGES = 64;
const P4D_PAGES = 2 ** 27;

/** A booted machine with room for them, and what makes them. */
function manyThreads(name, processes, threads) {
  const tasks = processes * threads;
  const geometry = {
    nrCpus: 2,
    nrXenFrames: 80,
    nrTables: 4096 + 16 * processes + 5 * tasks, // two pairs of L4s a thread, and its stack's share
    nrFrames: 65536 + 64 * processes + 16 * tasks,
    ptes: 512,
    maxMms: 16 + processes,
    maxTasks: 64 + tasks,
    maxVmas: 512 + 16 * processes,
    maxFiles: 8,
  };
  const config = { proposal: loadProposal(name), geometry, pcid: true, invpcid: true, audit: "observe" };
  const machine = new Machine(config).boot();
  machine.linux.files.open(machine.linux.pages, FILE_PAGES, true);
  return { machine, build: () => build(machine.linux, processes, threads) };
}

function build(linux, processes, threads) {
  const image = {
    vmas: [{ start: 0x400, pages: 32, flags: VM_READ, file: 0, pgoff: 0 }],
    stackTop: 255 * P4D_PAGES + 4096,
    stackPages: 33,
    brk: 0x1000,
  };
  for (let p = 0, tid = 1; p < processes; p++) {
    const tgid = tid;
    context_switch(linux, 0, linux.tasks.alloc(tid++, tgid));
    do_execve(linux, 0, image);
    for (let t = 1; t < threads; t++) {
      const row = copy_process(linux, 0, CLONE_VM | CLONE_FILES | CLONE_THREAD, tid++, tgid);
      if (row < 0)
        throw new Error(`many-threads: no memory for thread ${t} of process ${p}; raise the geometry`);
      context_switch(linux, 0, row); // a thread gets its tables when it first runs
    }
  }
}

/** Frames that hold a table of the guest's or of Xen's: those with an entry in them. */
function tablesInUse({ memory: { words, nrTables } }) {
  let tables = 0;
  for (let table = 0; table < nrTables; table++) {
    const row = words.subarray(table * 1024, (table + 1) * 1024);
    if (row.some((word) => word !== 0)) tables++;
  }
  return tables;
}

if (require.main === module) {
  const [name, ...numbers] = process.argv.slice(2);
  const before = process.memoryUsage.rss();
  const { machine, build } = manyThreads(name, ...numbers.map(Number));
  build();
  const residentBytes = process.memoryUsage.rss() - before;
  console.log(JSON.stringify({ tableBytes: tablesInUse(machine) * 4096, residentBytes }));
}

module.exports = { manyThreads };
