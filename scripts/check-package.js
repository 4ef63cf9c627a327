// npm run check:package: pack the project, install it in an empty folder, and use it there as a stranger would:
// the command on the bundled recordings, import, require, and the example suite as a file of the stranger's own.
"use strict";

const assert = require("node:assert/strict");
const { execFileSync } = require("node:child_process");
const fs = require("node:fs");
const { tmpdir } = require("node:os");
const { join } = require("node:path");
const { ROOT } = require("./run.js");

const EXAMPLES = join(ROOT, "test", "examples");

/** What a package has at its top; folders end in a slash. */
const SHIPPED = [
  "package.json",
  "README.md",
  "ARCHITECTURE.md",
  "LICENSE",
  "bin/",
  "dist/",
  "recordings/",
  "abi/proposals/",
  "experiments/profiles/",
  "patches-notes/",
  "experiments/anchors/",
  "experiments/sweeps/",
  "test/data/linux-6.1-pv/",
];

/** What both kinds of module do with the package. */
const NAMES = "bootedMachine, loadProposal, onePcpuPerL4InGuest, sayOp, shortestHistory";
const USE = `
  const history = shortestHistory(bootedMachine(loadProposal("shared")), onePcpuPerL4InGuest);
  console.log(history.ops.map(sayOp).join(", "));
`;

/** Each step, with the sentence that it proves; `app` is the stranger's folder. */
const STEPS = [
  [
    "the tarball has what is shipped, and neither sources nor tests",
    (app) => {
      run(ROOT, "npm", "pack", "--silent", "--pack-destination", app);
      for (const path of run(app, "tar", "-tzf", tarball(app)).trim().split("\n")) {
        const file = path.replace(/^package\//, "");
        const shipped = SHIPPED.some((root) => (root.endsWith("/") ? file.startsWith(root) : file === root));
        assert(shipped, `${file} is in the tarball; see "files" in package.json`);
        assert(!/^dist\/(test\/|\.)|\.map$|(?<!\.d)\.ts$/.test(file), `${file} is no part of a package`);
      }
    },
  ],
  [
    "it installs with its dependencies in an empty folder",
    (app) => {
      fs.writeFileSync(join(app, "package.json"), '{ "private": true, "type": "commonjs" }\n');
      run(app, "npm", "install", "--prefer-offline", "--no-audit", "--no-fund", "--silent", tarball(app));
    },
  ],
  [
    "npx pvtwin anchors has the recorded steps that it compares with",
    (app) => {
      const text = run(app, "npx", "--no-install", "pvtwin", "anchors", "steps-quiet", "--json");
      assert.deepEqual(
        JSON.parse(text).anchors.map(({ inBand }) => inBand),
        [true],
      );
    },
  ],
  [
    "npx pvtwin evaluate runs on the bundled recordings",
    (app) => {
      const text = run(app, "npx", "--no-install", "pvtwin", "evaluate", "xpti", "--json", "--out", "out");
      const { proposals, workloads } = JSON.parse(text);
      const verdicts = proposals.map(({ verdict }) => verdict);
      assert.deepEqual(verdicts, ["breaks", "guest-mode-only"]);
      assert(workloads.length >= 3, `${workloads.length} workloads`);
      assert.match(fs.readFileSync(join(app, "out", "report.html"), "utf8"), /<\/html>/);
    },
  ],
  [
    "import and require give the library",
    (app) => {
      fs.writeFileSync(join(app, "a.mjs"), `import { ${NAMES} } from "pvtwin";\n${USE}`);
      fs.writeFileSync(join(app, "b.cjs"), `const { ${NAMES} } = require("pvtwin");\n${USE}`);
      for (const file of ["a.mjs", "b.cjs"]) {
        assert.equal(run(app, process.execPath, file).trim(), "thread on CPU 0, switch on CPU 1");
      }
    },
  ],
  [
    "the example suite compiles and passes as a file of a project of its own",
    (app) => {
      for (const name of ["mocha", "chai", "ts-node", "typescript", "@types"]) {
        fs.rmSync(join(app, "node_modules", name), { recursive: true, force: true });
        fs.symlinkSync(join(ROOT, "node_modules", name), join(app, "node_modules", name));
      }
      const options = {
        module: "nodenext",
        target: "es2022",
        strict: true,
        types: ["node", "mocha"],
        rootDir: ".",
      };
      const settings = { compilerOptions: { ...options, noEmit: true }, "ts-node": { transpileOnly: true } };
      fs.writeFileSync(join(app, "tsconfig.json"), JSON.stringify(settings));
      fs.cpSync(EXAMPLES, join(app, "examples"), { recursive: true });
      run(app, process.execPath, "node_modules/typescript/bin/tsc", "-p", ".");
      const suites = fs.readdirSync(EXAMPLES).map((file) => join("examples", file));
      run(
        app,
        process.execPath,
        "node_modules/mocha/bin/mocha.js",
        "--require",
        "ts-node/register",
        ...suites,
      );
    },
  ],
];

/** Run in `cwd`; returns stdout, and throws with both outputs if the exit status is not 0. */
function run(cwd, program, ...args) {
  return execFileSync(program, args, { cwd, encoding: "utf8", maxBuffer: 2 ** 28, stdio: "pipe" });
}

function tarball(app) {
  return join(
    app,
    fs.readdirSync(app).find((file) => file.endsWith(".tgz")),
  );
}

function check() {
  const app = fs.mkdtempSync(join(tmpdir(), "pvtwin-package-"));
  try {
    for (const [says, step] of STEPS) {
      const began = performance.now();
      step(app);
      process.stdout.write(`ok  ${says} (${((performance.now() - began) / 1000).toFixed(1)} s)\n`);
    }
    return 0;
  } catch (error) {
    process.stderr.write(`check-package: ${error.stdout ?? ""}${error.message}\n`);
    return 1;
  } finally {
    fs.rmSync(app, { recursive: true, force: true });
  }
}

process.exitCode = check();
