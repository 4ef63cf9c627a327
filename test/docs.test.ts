import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { elf } from "./elfnotes/image-builder.js";
import { runMain, runMainIn } from "./cli/run-main.js";
import { ROOT } from "./pvtwin.js";
import { LONG_NAMES, made, NAMES, shown } from "../scripts/readme.js";

/** A kernel image that the documents name as an example, and few machines have. */
const KERNEL = "/boot/vmlinuz-6.1.0-56-amd64";

const documents = ["README.md", "ARCHITECTURE.md", "xen-model/README.md", "recordings/README.md"].filter(
  (file) => existsSync(join(ROOT, file)),
);

/** Lines `pvtwin ...` of a text, and those that make their input. */
function commandsIn(text: string): string[] {
  return [...text.matchAll(/^ *((?:pvtwin|echo) .*)$/gm)].map(([, line]) => line!.trim());
}

/** The words behind `pvtwin` of a line that asks no more of a shell than to part them; undefined for others. */
function wordsOf(line: string): string[] | undefined {
  const plain = line.replace(/ +#.*$/, "");
  if (!/^pvtwin( ("[^"$`\\]*"|[\w./:=,-]+))*$/.test(plain)) return undefined;
  return [...plain.matchAll(/"([^"]*)"|\S+/g)].slice(1).map(([word, quoted]) => quoted ?? word);
}

describe("the documents", () => {
  let dir: string;
  before(() => {
    dir = mkdtempSync(join(tmpdir(), "pvtwin-docs-"));
    for (const folder of ["recordings", "test", "abi", "experiments"])
      symlinkSync(join(ROOT, folder), join(dir, folder));
    const command = `#!/bin/sh\nexec '${process.execPath}' '${join(ROOT, "bin", "pvtwin.js")}' "$@"\n`;
    writeFileSync(join(dir, "pvtwin"), command, { mode: 0o755 });
    const kernel = process.env.PVTWIN_KERNEL;
    if (kernel !== undefined) copyFileSync(kernel, join(dir, "vmlinuz"));
    else writeFileSync(join(dir, "vmlinuz"), elf());
  });
  after(() => rmSync(dir, { recursive: true, force: true }));

  /** Run a line as a shell does, in a folder where the line's files are. What two documents show runs once: its files stay. */
  const hasRun = new Set<string>();
  const run = async (line: string) => {
    if (hasRun.has(line)) return;
    const own = line.replace(KERNEL, "vmlinuz");
    const words = wordsOf(own);
    const { status, err } = words === undefined ? inShell(own) : await runMainIn(dir, ...words);
    expect(status, `${line}\n${err}`).to.equal(0);
    hasRun.add(line);
  };
  const inShell = (line: string) => {
    const { status, stderr } = spawnSync("sh", ["-c", line], {
      cwd: dir,
      encoding: "utf8",
      env: { ...process.env, PATH: `${dir}:${process.env.PATH}`, NO_COLOR: "1" },
    });
    return { status, err: stderr };
  };

  for (const file of documents) {
    for (const line of commandsIn(readFileSync(join(ROOT, file), "utf8"))) {
      it(`${file}: ${line}`, () => run(line)).timeout(180_000);
    }
  }

  const names = readdirSync(join(ROOT, "cli"))
    .filter((file) => file.endsWith(".ts"))
    .filter((file) => readFileSync(join(ROOT, "cli", file), "utf8").includes(".addHelpText("))
    .map((file) => (file === "trace.ts" ? ["trace", "summary"] : [file.replace(/\.ts$/, "")]));
  for (const name of names) {
    it(`pvtwin ${name.join(" ")} --help has an example that works`, async () => {
      const { status, out } = await runMain(...name, "--help");
      expect(status).to.equal(0);
      const examples = commandsIn(out.slice(out.search(/Examples?:/)));
      expect(examples).to.not.be.empty;
      for (const example of examples) await run(example);
    }).timeout(180_000);
  }

  for (const name of NAMES.filter((each) => !LONG_NAMES.includes(each))) {
    it(`README.md shows what is printed now: ${name}`, () => {
      expect(shown(name), "npm run readme brings it up to date").to.equal(made(name));
    }).timeout(240_000);
  }
});
