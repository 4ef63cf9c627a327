// slices JSON: runs several shell commands to their ends, a slice of one, then a slice of the next, and so on, so that a machine that
// becomes faster or slower meanwhile does so for all of them. JSON is {NAME: {command, seconds}}, `seconds` the length of its slices:
// in proportion to how long they take, so that they end about together. Prints {NAME: {cpu, wall}}, wall without the others' slices.
//
// Who is not at its turn is stopped (SIGSTOP), with all that it has started. To V8 that time counts: what more than two in turn
// do to a Node program stands at the head of bench/measure/cores.js.
"use strict";

const { spawn } = require("node:child_process");
const { setTimeout } = require("node:timers/promises");
const { cpuOf, timed } = require("../harness.js");

class Sliced {
  wall = 0;
  output = "";
  /** Of its end. */
  status;

  constructor(name, { command, seconds }) {
    this.name = name;
    this.seconds = seconds;
    this.command = command;
  }

  /** One slice, or less if it ends. */
  async run() {
    const began = performance.now();
    if (this.program === undefined) this.start();
    else process.kill(-this.program.pid, "SIGCONT");
    const aborted = new AbortController();
    const slice = setTimeout(this.seconds * 1000, undefined, aborted).catch(() => undefined);
    await Promise.race([slice, this.end]);
    this.wall += (performance.now() - began) / 1000;
    aborted.abort();
    if (this.status === undefined) process.kill(-this.program.pid, "SIGSTOP");
    else if (this.status !== 0) throw new Error(`slices: ${this.name} failed: ${this.command}`);
  }

  start() {
    this.program = spawn("bash", ["-c", timed(this.command)], {
      detached: true, // a group of its own, to be stopped as one
      stdio: ["ignore", "pipe", "inherit"],
    });
    this.program.stdout.on("data", (text) => (this.output += text));
    this.end = new Promise((resolve) =>
      this.program.on("close", (status) => {
        this.status = status;
        resolve();
      }),
    );
  }

  kill() {
    if (this.program !== undefined && this.status === undefined) process.kill(-this.program.pid, "SIGKILL");
  }
}

async function main() {
  const all = Object.entries(JSON.parse(process.argv[2])).map(([name, what]) => new Sliced(name, what));
  process.on("exit", () => all.forEach((one) => one.kill()));
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(1));
  for (let left = all; left.length > 0; left = left.filter(({ status }) => status === undefined))
    for (const one of left) await one.run();
  const times = all.map(({ name, output, wall }) => [name, { cpu: cpuOf(output), wall }]);
  console.log(JSON.stringify(Object.fromEntries(times)));
}

void main();
