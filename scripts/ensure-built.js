// See that dist/ is what the sources say, and build it where it is not.
"use strict";

const { createHash } = require("node:crypto");
const { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } = require("node:fs");
const { join, relative } = require("node:path");
const { ROOT, runNode } = require("./run.js");

const DIST = join(ROOT, "dist");
const STAMP = join(DIST, ".sources");

/** Build if needed; returns 0, or the compiler's exit status (it has said what is wrong). */
async function ensureBuilt() {
  const sources = listSources();
  const stamp = stampOf(sources);
  if (readStamp() === stamp) return 0;
  const status = await runNode(require.resolve("typescript/bin/tsc"), ["-p", "tsconfig.build.json"]);
  if (status !== 0) {
    process.stderr.write("pvtwin: the sources do not compile; tsc's messages are above\n");
    return status;
  }
  leaveExportsConstant();
  const compiled = await compileDecoders();
  if (compiled !== 0) return compiled;
  const { listCommands } = require(join(DIST, "cli", "main.js"));
  writeFileSync(join(DIST, "cli", "commands.json"), JSON.stringify(listCommands()));
  writeBundledData();
  removeStale(new Set(sources.map((file) => file.replace(/\.ts$/, ""))));
  mkdirSync(DIST, { recursive: true });
  writeFileSync(STAMP, stamp);
  return 0;
}

function isBuilt() {
  return readStamp() === stampOf(listSources());
}

/**
 * tsc begins each module with `exports.A = exports.B = void 0;`. Without that line each export is assigned once, V8 takes it for a
 * constant, and compiles it into what uses it; with it, each use of an imported constant is a load and a check. An empty line stays,
 * for the source maps.
 */
function leaveExportsConstant() {
  for (const file of list(DIST).filter((name) => name.endsWith(".js"))) {
    const text = readFileSync(file, "utf8");
    const constant = text.replace(/^(?:exports(?:\.[\w$]+|\["[^"]+"\]) = )+void 0;$/gm, "");
    if (constant !== text) writeFileSync(file, constant);
  }
}

/** What experiments/as-built.ts reads. */
function writeBundledData() {
  const folder = join(DIST, "experiments");
  const { readBundledProposals } = require(join(folder, "load-proposal.js"));
  const { readBundledProfiles } = require(join(folder, "costs", "profile.js"));
  writeFileSync(join(folder, "proposals.json"), JSON.stringify(readBundledProposals()));
  writeFileSync(join(folder, "profiles.json"), JSON.stringify(readBundledProfiles()));
}

/** elfnotes/wasm/ becomes one module; what it may use of WebAssembly, every Node that we take has. */
async function compileDecoders() {
  const asc = join(ROOT, "node_modules", "assemblyscript", "bin", "asc.js");
  const source = join("elfnotes", "wasm", "decoders.ts");
  const out = join("dist", "elfnotes", "decoders.wasm");
  const options = [
    "--optimizeLevel",
    "3",
    "--runtime",
    "stub",
    "--noAssert",
    "--importMemory",
    "--enable",
    "simd",
  ];
  const status = await runNode(asc, [source, "--outFile", out, ...options]);
  if (status !== 0) process.stderr.write("pvtwin: the decoders do not compile; asc's messages are above\n");
  return status;
}

/** All files that the build depends on, relative to the root, in order of their names. */
function listSources() {
  const { include } = JSON.parse(readFileSync(join(ROOT, "tsconfig.json"), "utf8"));
  const rooms = include.filter((room) => room !== "test");
  const sources = rooms.flatMap((room) =>
    room.endsWith(".ts") ? [join(ROOT, room)] : list(join(ROOT, room)).filter((file) => file.endsWith(".ts")),
  );
  const settings = ["tsconfig.json", "tsconfig.build.json", "package.json", "package-lock.json"];
  const build = [...settings.map((file) => join(ROOT, file)), __filename];
  return [...sources, ...build].map((file) => relative(ROOT, file)).sort();
}

function stampOf(sources) {
  const hash = createHash("sha256");
  for (const file of sources) {
    const { size, mtimeMs } = statSync(join(ROOT, file));
    hash.update(`${file} ${size} ${mtimeMs}\n`);
  }
  return hash.digest("hex");
}

function readStamp() {
  try {
    return readFileSync(STAMP, "utf8");
  } catch {
    return undefined;
  }
}

/** tsc never takes away what it once made of a file that has gone since. */
function removeStale(sources) {
  for (const file of list(DIST)) {
    const made = /^(.*?)(\.d\.ts|\.js|\.js\.map)$/.exec(relative(DIST, file));
    if (made !== null && !sources.has(made[1])) rmSync(file);
  }
}

function list(folder) {
  try {
    return readdirSync(folder, { withFileTypes: true, recursive: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
  } catch {
    return [];
  }
}

module.exports = { DIST, ensureBuilt, isBuilt };

if (require.main === module) {
  ensureBuilt().then((status) => (process.exitCode = status));
}
