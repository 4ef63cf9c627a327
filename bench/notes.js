// npm run bench:notes [-- IMAGE...]: reading the notes of a bzImage, against unpacking its payload alone.
//
// Without images: those of Debian's that scripts/fetch-kernel.sh fetched. Each is packed anew in the six other ways
// too, with what Debian has for it. Both sides in one run, in turn, after one run of each that is not counted; medians
// with the range of all. The bound is 1.5 times the tool's time, and 100 ms to start. Both run without
// NODE_EXTRA_CA_CERTS, and the result says so where it was set. Writes out/bench-notes.json.
"use strict";

const { execFileSync, spawnSync } = require("node:child_process");
const { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } = require("node:fs");
const { cpus, tmpdir } = require("node:os");
const { basename, join } = require("node:path");
const { ensureInstalled } = require("../scripts/ensure-installed.js");
const { ensureBuilt } = require("../scripts/ensure-built.js");
const { ROOT } = require("../scripts/run.js");

const REPETITIONS = 7;
const BOUND = { times: 1.5, startMs: 100 };

/** By compression: how it is packed for a kernel, and unpacked. */
const TOOLS = {
  gzip: { pack: ["gzip", "-n", "-9"], unpack: ["gzip", "-dc"] },
  bzip2: { pack: ["bzip2", "-9"], unpack: ["bzip2", "-dc"] },
  lzma: { pack: ["xz", "--format=lzma", "-6"], unpack: ["xz", "--format=lzma", "-dc"] },
  xz: { pack: ["xz", "--check=crc32", "--x86", "--lzma2=preset=6,dict=32MiB"], unpack: ["xz", "-dc"] },
  lzo: { pack: ["lzop", "-9"], unpack: ["lzop", "-dc"] },
  lz4: { pack: ["lz4", "-l", "-9", "-q"], unpack: ["lz4", "-dcq"] },
  zstd: { pack: ["zstd", "-19", "-q"], unpack: ["zstd", "-dcq"] },
};

async function bench(images) {
  const status = (await ensureInstalled()) || (await ensureBuilt());
  if (status !== 0) return status;
  const { readImage } = require("../dist/elfnotes/read-image.js");
  const scratch = mkdtempSync(join(tmpdir(), "pvtwin-bench-"));
  const rows = [];
  const unset = Object.keys(UNSET).filter((name) => process.env[name] !== undefined);
  if (unset.length > 0) process.stdout.write(`${unset.join(", ")} is set, and left out here\n`);
  try {
    for (const image of images.length > 0 ? images : fetched()) {
      const { bytes, compression, elf, payload } = await readImage(image);
      const own = bytes.data.subarray(payload.offset, payload.offset + payload.length);
      rows.push(measure(basename(image), image, own, compression, scratch));
      for (const other of Object.keys(TOOLS).filter((name) => name !== compression)) {
        const anew = packed(other, elf.bytes.data);
        if (anew === undefined) continue;
        const file = join(scratch, "bzImage");
        writeFileSync(file, withPayload(bytes.data, anew));
        rows.push(measure(`${basename(image)}, packed anew`, file, anew, other, scratch));
      }
    }
  } finally {
    rmSync(scratch, { recursive: true });
  }
  if (rows.length === 0) {
    process.stderr.write("bench: no kernel; run scripts/fetch-kernel.sh, or name an image\n");
    return 2;
  }
  mkdirSync(join(ROOT, "out"), { recursive: true });
  const machine = { node: process.version, cpu: cpus()[0]?.model, unset };
  const about = { ...machine, repetitions: REPETITIONS, bound: BOUND };
  writeFileSync(join(ROOT, "out", "bench-notes.json"), `${JSON.stringify({ ...about, rows }, null, 2)}\n`);
  return 0;
}

function fetched() {
  const folder = join(ROOT, "out", "kernel");
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).filter((name) => name.startsWith("vmlinuz-"));
  return names.map((name) => join(folder, name));
}

/** As the kernel's build packs it, the size of the unpacked kernel behind it; undefined without the tool. */
function packed(compression, kernel) {
  const [command, ...options] = TOOLS[compression].pack;
  const { status, stdout } = spawnSync(command, [...options, "-c"], { input: kernel, maxBuffer: 2 ** 28 });
  if (status !== 0) return undefined;
  const size = Buffer.alloc(4);
  size.writeUInt32LE(kernel.length);
  return compression === "gzip" ? stdout : Buffer.concat([stdout, size]);
}

/** The setup code of `image`, and the payload behind it. */
function withPayload(image, payload) {
  const setup = Buffer.from(image.subarray(0, ((image[0x1f1] || 4) + 1) * 512));
  setup.writeUInt32LE(0, 0x248);
  setup.writeUInt32LE(payload.length, 0x24c);
  return Buffer.concat([setup, payload]);
}

function measure(name, image, payload, compression, scratch) {
  const stream = join(scratch, `payload.${compression}`);
  writeFileSync(stream, compression === "gzip" ? payload : payload.subarray(0, -4));
  const [command, ...options] = TOOLS[compression].unpack;
  const [tool, notes] = [[], []];
  for (let repetition = 0; repetition <= REPETITIONS; repetition++) {
    const unpacking = timed(command, [...options, stream]);
    const reading = timed(process.execPath, [join(ROOT, "bin", "pvtwin.js"), "notes", image, "--json"]);
    if (repetition === 0) continue;
    tool.push(unpacking);
    notes.push(reading);
  }
  const bound = BOUND.times * spread(tool).median + BOUND.startMs;
  const row = { name, compression, bytes: payload.length, tool: spread(tool), notes: spread(notes), bound };
  const verdict = row.notes.median < bound ? "within" : "OVER";
  const size = `${(payload.length / 1e6).toFixed(1).padStart(5)} MB`;
  process.stdout.write(
    `${compression.padEnd(6)}${size}  ${command} ${text(row.tool)}  notes ${text(row.notes)}  ` +
      `bound ${bound.toFixed(0)} ms: ${verdict}  (${name})\n`,
  );
  return row;
}

/** Certificates that a network wants Node to trust: it parses them at each start (50 ms and more), whatever it runs. */
const UNSET = { NODE_EXTRA_CA_CERTS: undefined };

function timed(command, args) {
  const began = performance.now();
  execFileSync(command, args, { stdio: ["ignore", "ignore", "inherit"], env: { ...process.env, ...UNSET } });
  return performance.now() - began;
}

function spread(times) {
  const sorted = [...times].sort((a, b) => a - b);
  return { low: sorted[0], median: sorted[sorted.length >> 1], high: sorted.at(-1) };
}

function text({ low, median, high }) {
  return `${median.toFixed(0)} ms [${low.toFixed(0)}..${high.toFixed(0)}]`;
}

bench(process.argv.slice(2)).then((status) => (process.exitCode = status));
