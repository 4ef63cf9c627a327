// For tests: import what the build made of a source, where dist/ is up to date, in place of the source.
//
// ts-node would compile each source again, in each of mocha's workers and in each thread that a test starts. Tests themselves
// are compiled by ts-node, as is everything where a source has changed since the build; so is the rig of witness/, which runs
// from its sources, beside the C of its guest.
"use strict";

const { existsSync } = require("node:fs");
const Module = require("node:module");
const { join, relative, sep } = require("node:path");
const { DIST, isBuilt } = require("./ensure-built.js");
const { ROOT } = require("./run.js");

/** By source: what stands for it. */
const builts = new Map();

if (isBuilt()) {
  const resolve = Module._resolveFilename; // ts-node's, which finds x.ts where x.js is asked for
  Module._resolveFilename = function (...args) {
    const file = resolve.apply(this, args);
    if (!file.endsWith(".ts")) return file;
    if (!builts.has(file)) builts.set(file, builtOf(file));
    return builts.get(file);
  };
}

function builtOf(file) {
  const place = relative(ROOT, file);
  if (place.startsWith(`..${sep}`) || place.startsWith(`witness${sep}`)) return file;
  const built = join(DIST, place.replace(/\.ts$/, ".js"));
  return existsSync(built) ? built : file;
}
