/** Programs that `npm run bench` runs in turn, a slice of each: who is not at its turn stands still. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";

const SLICES = join(__dirname, "../../bench/side/slices.js");

function slices(commands: Record<string, { command: string; seconds: number }>) {
  const { status, stdout, stderr, error } = spawnSync(process.execPath, [SLICES, JSON.stringify(commands)], {
    encoding: "utf8",
    timeout: 10_000,
  });
  if (error !== undefined) throw error; // of the time, too: what is left stopped holds its end of the pipe open
  return { status, stdout, stderr };
}

describe("programs in slices", () => {
  let folder: string;
  before(() => (folder = mkdtempSync(join(tmpdir(), "slices-"))));
  after(() => {
    rmSync(folder, { recursive: true });
  });

  it("stand still, with all that they have started, while it is another's turn", () => {
    const log = join(folder, "log");
    const write = (letter: string) =>
      `bash -c 'for i in 1 2 3 4 5 6 7 8 9 10; do echo ${letter} >> ${log}; sleep 0.03; done'`;
    const { status, stdout } = slices({
      long: { command: write("a"), seconds: 0.1 },
      short: { command: write("b"), seconds: 60 },
    });
    expect(status).to.equal(0);
    const letters = readFileSync(log, "utf8").replace(/\n/g, "");
    expect(letters).to.have.length(20);
    expect(letters, "one that is stopped goes on").to.match(/b{10}/);
    const times = JSON.parse(stdout) as Record<string, { cpu: number; wall: number }>;
    expect(Object.keys(times)).to.deep.equal(["long", "short"]);
  });

  it("all end where one of them fails, with its name and nothing printed", () => {
    const late = join(folder, "late");
    const { status, stdout, stderr } = slices({
      well: { command: `sleep 1; touch ${late}`, seconds: 0.1 },
      ill: { command: "false", seconds: 0.1 },
    });
    expect([status, stdout]).to.deep.equal([1, ""]);
    expect(stderr).to.contain("ill failed: false");
    spawnSync("sleep", ["1"]);
    expect(existsSync(late), "goes on").to.equal(false);
  });
});
