// Run a program to its end, as a shell would: its terminal is ours, and so is its exit status.
"use strict";

const { spawn } = require("node:child_process");
const { constants } = require("node:os");
const { join } = require("node:path");

const ROOT = join(__dirname, "..");

/**
 * Run `program` in the project's root; returns its exit status, 128 + the signal's number if one ended it.
 *
 * Ctrl-C reaches the program from the terminal itself, so it is only waited for here. Other requests to end
 * come to this process alone, and are handed on.
 */
function run(program, args, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd: ROOT, stdio: "inherit", ...options });
    const handOn = (signal) => child.kill(signal);
    const wait = () => {};
    process.on("SIGTERM", handOn).on("SIGHUP", handOn).on("SIGINT", wait);
    const end = (status) => {
      process.off("SIGTERM", handOn).off("SIGHUP", handOn).off("SIGINT", wait);
      resolve(status);
    };
    child.on("error", (error) => {
      process.stderr.write(`pvtwin: ${program} cannot be started (${error.code}); see that it is in PATH\n`);
      end(127);
    });
    child.on("close", (status, signal) => end(signal === null ? status : 128 + constants.signals[signal]));
  });
}

/** Run a script of ours, or one that a package brings, with the Node that runs this. */
function runNode(script, args) {
  return run(process.execPath, [script, ...args]);
}

module.exports = { ROOT, run, runNode };
