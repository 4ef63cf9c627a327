#!/usr/bin/env node
"use strict";
const { existsSync } = require("node:fs");
const { join } = require("node:path");
const built = join(__dirname, "..", "dist", "cli", "main.js");
if (!existsSync(built)) {
  process.stderr.write("pvtwin: dist/cli/main.js is not built; run 'npm start' or 'npm run build'\n");
  process.exit(2);
}
// who reads no further, as head does, has what it wants: the end of any other program then, SIGPIPE
process.stdout.on("error", (error) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(128 + 13);
});
require(built)
  .main(process.argv.slice(2))
  .then((status) => {
    process.exitCode = status;
  });
