import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { expect } from "chai";
import { findPayload } from "../../elfnotes/bzimage.js";
import { ImageBytes } from "../../elfnotes/image-bytes.js";
import { readImage } from "../../elfnotes/read-image.js";
import { kernels } from "./kernels.js";

const COPIES = 40;

/** Reads an image in a process of its own; prints what came of it, the time, and the most memory at a time. */
const SCRIPT = `
const { readImage } = require("./dist/elfnotes/read-image.js");
const [file] = process.argv.slice(1);
const began = performance.now();
const done = (said) => {
  const seconds = (performance.now() - began) / 1000;
  // Not maxRSS, which begins with that of the process it was forked from.
  const status = require("node:fs").readFileSync("/proc/self/status", "utf8");
  const bytes = Number(/VmHWM:\\s*(\\d+)/.exec(status)[1]) * 1024;
  console.log(JSON.stringify({ said, seconds, bytes }));
};
if (file === undefined) done("");
else readImage(file).then(() => done("read"), (error) => done(error.name + ": " + error.message));
`;

interface Finished {
  said: string;
  seconds: number;
  bytes: number;
}

function run(...files: string[]): Finished {
  const { stdout, stderr } = spawnSync(process.execPath, ["-e", SCRIPT, ...files], { encoding: "utf8" });
  expect(stderr).to.equal("");
  return JSON.parse(stdout) as Finished;
}

for (const file of kernels()) {
  describe(`${basename(file)}, damaged`, () => {
    const folder = mkdtempSync(join(tmpdir(), "pvtwin-"));
    after(() => rmSync(folder, { recursive: true }));

    it(`is read or refused, ${COPIES} copies with bits turned or the end cut, in time and in 4 times its size`, async () => {
      const sound = readFileSync(file);
      const { offset, length } = findPayload(new ImageBytes("k", sound));
      const unpacked = (await readImage(file)).elf.bytes.length;
      const idle = run();
      const whole = run(file);
      let [most, slowest] = [whole.bytes, 0];
      let x = 1;
      const next = (below: number) => {
        x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
        return Math.floor((x / 2 ** 32) * below);
      };
      for (let i = 0; i < COPIES; i++) {
        const copy = Uint8Array.from(sound);
        // In turn: in the payload, in the stream's header, in its end with the size, in the setup header.
        const places = [
          offset + next(length),
          offset + next(32),
          offset + length - 1 - next(32),
          0x1f1 + next(0x80),
        ];
        copy[places[i % places.length]!]! ^= 1 << next(8);
        const damaged = join(folder, "vmlinuz");
        writeFileSync(damaged, i % 8 === 7 ? copy.subarray(0, next(copy.length)) : copy);
        const { said, seconds, bytes } = run(damaged);
        expect(said).to.match(/^read$|^BadInput: [^\n]*: offset 0x[0-9a-f]+[^\n]*: [^\n]+; [^\n]+$/);
        most = Math.max(most, bytes);
        slowest = Math.max(slowest, seconds - whole.seconds);
      }
      const times = (most - idle.bytes) / unpacked;
      console.log(
        `      ${times.toFixed(2)} times the image; slowest ${slowest.toFixed(2)} s over the sound image`,
      );
      expect(times, "memory, in images").to.be.below(4);
      expect(slowest, "seconds over those of the sound image").to.be.below(1);
    }).timeout(600_000);
  });
}
