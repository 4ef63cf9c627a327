/**
 * ARCHITECTURE.md says that a new design takes one file and one line, and a proposal one YAML file: its steps, taken
 * as they stand there in a copy of the sources.
 */
import { spawnSync } from "node:child_process";
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import type { Evaluation } from "../experiments/results.js";
import { ROOT } from "./pvtwin.js";

/** Copied; what is not made anew is linked. */
const FILES = ["package.json", "package-lock.json", "tsconfig.json", "tsconfig.build.json"];
const LINKED = ["node_modules", "recordings"];

/** The indented blocks of a text, by language. */
function blocks(text: string, language: string): string[] {
  const fenced = new RegExp(`^ +\`\`\`${language}\\n([^]*?)^ +\`\`\`$`, "gm");
  return [...text.matchAll(fenced)].map(([, block]) => block!.replace(/^ {3}/gm, ""));
}

describe("a new idea, step by step as in ARCHITECTURE.md", () => {
  const text = readFileSync(join(ROOT, "ARCHITECTURE.md"), "utf8").split("# A new idea, step by step")[1]!;
  const [design, line] = blocks(text, "ts");
  const [proposal] = blocks(text, "yaml");
  let dir: string;

  before(() => {
    dir = mkdtempSync(join(tmpdir(), "pvtwin-idea-"));
    const { include } = JSON.parse(readFileSync(join(ROOT, "tsconfig.json"), "utf8")) as {
      include: string[];
    };
    const rooms = include.filter((room) => room !== "test" && existsSync(join(ROOT, room)));
    for (const name of [...FILES, ...rooms, "bin", "scripts"]) {
      cpSync(join(ROOT, name), join(dir, name), { recursive: true, preserveTimestamps: true });
    }
    cpSync(join(ROOT, "dist"), join(dir, "dist"), { recursive: true }); // only what is new gets compiled
    for (const name of LINKED) symlinkSync(join(ROOT, name), join(dir, name));
  });
  after(() => rmSync(dir, { recursive: true, force: true }));

  it("takes one file, one line and one YAML file, and is in the table", () => {
    writeFileSync(join(dir, "linux-mm-model", "top-level", "no-lazy-tlb.ts"), design!);
    expect(line).to.match(/^[^\n]+\n$/);
    appendFileSync(join(dir, "linux-mm-model", "top-level", "registry.ts"), line!);
    writeFileSync(join(dir, "abi", "proposals", "no-lazy-tlb.yaml"), proposal!);
    const storm = join("recordings", "thread_storm.perf.txt.gz");
    const args = ["scripts/start.js", "--json", "--workload", storm]; // npm start
    const { status, stdout, stderr } = spawnSync(process.execPath, args, {
      cwd: dir,
      encoding: "utf8",
      maxBuffer: 2 ** 28,
    });
    expect(status, stderr).to.equal(0);
    const { proposals } = JSON.parse(stdout) as Evaluation;
    const ours = proposals.find(({ name }) => name === "no-lazy-tlb")!;
    expect(ours.verdict).to.equal("breaks");
    expect(ours.reason).to.include("two threads").and.include("swapper_pg_dir").and.not.include("that idles");
    expect(ours.cost[0]!.versus.cycles.likely).to.not.equal(0);
    expect(proposals.filter(({ name }) => name !== "no-lazy-tlb")).to.have.length.above(9);
  }).timeout(120_000);
});
