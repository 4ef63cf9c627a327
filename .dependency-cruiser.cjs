// The rooms of the house and who may enter which: the table in ARCHITECTURE.md, as a check.
"use strict";

/** Each folder, and the folders of ours that it may import from; itself always. */
const MAY_IMPORT = {
  abi: [],
  checker: [],
  elfnotes: ["abi"],
  "linux-mm-model": ["abi"],
  "xen-model": ["abi"],
  "patches-notes": ["abi"],
  machine: ["abi", "elfnotes", "linux-mm-model", "xen-model"],
  experiments: ["abi", "elfnotes", "linux-mm-model", "xen-model", "machine", "checker"],
  cli: [
    "abi",
    "elfnotes",
    "linux-mm-model",
    "xen-model",
    "machine",
    "checker",
    "experiments",
    "patches-notes",
  ],
  witness: ["abi", "experiments", "patches-notes"],
};

const ROOMS = Object.keys(MAY_IMPORT);

const rooms = ROOMS.map((room) => {
  const allowed = [room, ...MAY_IMPORT[room]];
  const list = MAY_IMPORT[room].join(", ") || "nothing of ours";
  return {
    name: `${room}-imports`,
    comment: `${room}/ may import ${list}. If a twin needs something from the other, it is missing from abi/.`,
    severity: "error",
    from: { path: `^${room}/` },
    to: {
      path: `^(${[...ROOMS, "test", "scripts", "bin"].join("|")})/`,
      pathNot: `^(${allowed.join("|")})/`,
    },
  };
});

/** @type {import("dependency-cruiser").IConfiguration} */
module.exports = {
  forbidden: [
    ...rooms,
    {
      name: "index-is-for-users",
      comment: "index.ts names what the package gives; inside, an import names the file that owns the thing.",
      severity: "error",
      from: { path: `^(${[...ROOMS, "index\\.ts$"].join("|")})` },
      to: { path: "^index\\.ts$|^dist/index\\." },
    },
    {
      name: "index-imports",
      comment: "The library is what the command works with, and not the command.",
      severity: "error",
      from: { path: "^index\\.ts$" },
      to: { path: "^(cli|test|scripts|bin)/" },
    },
    {
      name: "no-cycles",
      comment:
        "Two files that need each other to run are one concept, or lack a third that both need. " +
        "A function's file may name the type of what it works on: import type.",
      severity: "error",
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
    {
      name: "resolvable",
      comment: "The file or package does not exist.",
      severity: "error",
      from: {},
      to: { couldNotResolve: true, pathNot: "^pvtwin$" }, // the package itself, where it is not built yet
    },
    {
      name: "declared-packages",
      comment: "What ships may use dependencies only, and a package has to be in package.json.",
      severity: "error",
      from: { path: `^(${ROOMS.join("|")})/` },
      to: { dependencyTypes: ["npm-dev", "npm-no-pkg", "npm-unknown"], dependencyTypesNot: ["type-only"] },
    },
    {
      name: "orphans",
      comment: "Nobody imports it and it imports nobody: dead, or the door of something still being built.",
      severity: "info",
      from: { orphan: true, pathNot: "\\.d\\.ts$|^test/" },
      to: {},
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^(dist|out|recordings|test/data)/" },
    tsPreCompilationDeps: true, // a type that is imported is a dependency too
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: {
      extensions: [".ts", ".js", ".json"],
      conditionNames: ["import", "require", "node", "default"],
    },
  },
};
