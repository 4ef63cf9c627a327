// Makes a program of bench/walk-unicorn.c, where the system has a C compiler and Unicorn (Debian: libunicorn-dev).
"use strict";

const { spawnSync } = require("node:child_process");
const { join } = require("node:path");
const { CC } = require("./harness.js");

const SOURCE = join(__dirname, "walk-unicorn.c");

/**
 * {program}, which stands in `folder`; or {skipped: why}. `flags` go to the compiler before all others.
 *
 * Header and library are tried apart from the program, so that an error in its text is no reason to skip.
 */
function buildUnicorn(folder, flags = []) {
  const compile = (args, input) =>
    spawnSync(CC, [...flags, ...args], { input, encoding: "utf8", stdio: ["pipe", "ignore", "pipe"] });
  const probe = ["-x", "c", "-o", join(folder, "probe"), "-", "-lunicorn"];
  const { status, error } = compile(
    probe,
    "#include <unicorn/unicorn.h>\nint main(void) { return !uc_version(0, 0); }\n",
  );
  if (error !== undefined || status !== 0) {
    return { skipped: "the C compiler finds no unicorn/unicorn.h and libunicorn (Debian: libunicorn-dev)" };
  }
  const program = join(folder, "walk-unicorn");
  const built = compile(["-O2", "-Wall", "-Werror", "-o", program, SOURCE, "-lunicorn"]);
  if (built.status !== 0) throw new Error(`bench: ${SOURCE}: ${built.stderr.trim().slice(-2000)}`);
  return { program };
}

module.exports = { buildUnicorn };
