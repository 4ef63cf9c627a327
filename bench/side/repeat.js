// repeat NAME BYTES: writes a bundled recording again and again, each time later, until BYTES are written.
"use strict";

const { readFileSync, writeSync } = require("node:fs");
const { join } = require("node:path");
const { gunzipSync } = require("node:zlib");
const { ROOT } = require("../../scripts/run.js");

const [name, bytes] = process.argv.slice(2);
const text = gunzipSync(readFileSync(join(ROOT, "recordings", `${name}.perf.txt.gz`)));
const STAMP = /(?<=\s)\d+(?=\.\d{6,9}:)/g; // whole seconds of a line's time
const lines = text.toString("latin1");
const stamps = lines.match(STAMP).map(Number);
const seconds = stamps.at(-1) - stamps[0] + 2;

for (let round = 0, written = 0; written < Number(bytes); round++) {
  const shifted = Buffer.from(
    round === 0 ? lines : lines.replace(STAMP, (stamp) => String(Number(stamp) + round * seconds)),
    "latin1",
  );
  writeAll(shifted);
  written += shifted.length;
}

/** A pipe takes what it has room for; writeSync() says EAGAIN where that is nothing. */
function writeAll(buffer) {
  for (let at = 0; at < buffer.length;) {
    try {
      at += writeSync(1, buffer, at, Math.min(1 << 16, buffer.length - at));
    } catch (error) {
      if (error.code !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}
