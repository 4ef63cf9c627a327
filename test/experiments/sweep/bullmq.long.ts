import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { query } from "../../../experiments/sweep/tables.js";
import { ROOT } from "../../pvtwin.js";

const TEXT = `
name: queued
proposals: [shared, xpti, xen-vcpu-root, linux-per-mm-vcpu, linux-per-vcpu]
workloads:
  - recording: thread_storm
  - recording: make_j2
  - synthetic: { threads: 4, slotChurn: 5, sameMmSwitches: 500 }
crossed: { constants.ipi: [500, 1500, 3000], syscalls: [100, 1000, 5000] }
`;

const PVTWIN = join(ROOT, "bin", "pvtwin.js");

/** A port of loopback that nobody has. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const ended = (child: ChildProcess): Promise<number | null> =>
  new Promise((resolve) => child.once("exit", (status) => resolve(status)));
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe("a sweep on BullMQ", () => {
  let dir: string;
  let port: number;
  const children: ChildProcess[] = [];
  const start = (command: string, ...args: string[]): ChildProcess => {
    const child = spawn(command, args, { cwd: dir, stdio: "ignore" });
    children.push(child);
    return child;
  };
  // nothing is kept: a restart forgets every job
  const redis = () =>
    start("redis-server", "--port", `${port}`, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no");

  before(async function () {
    if (spawnSync("redis-server", ["--version"]).status !== 0) return this.skip();
    dir = mkdtempSync(join(tmpdir(), "pvtwin-bullmq-"));
    writeFileSync(join(dir, "sweep.yaml"), TEXT);
    port = await freePort();
  });
  after(() => {
    for (const child of children) child.kill("SIGKILL");
    if (dir !== undefined) rmSync(dir, { recursive: true });
  });

  const table = async (out: string) =>
    (await query("select * from cells order by cell", join(dir, out))).rows;

  it("comes to the table of a local run, no cell twice, though a worker is killed and Redis restarted", async () => {
    const address = `redis://127.0.0.1:${port}`;
    let server = redis();
    await sleep(500);
    const workers = [0, 1, 2].map(() =>
      start(process.execPath, PVTWIN, "worker", "--redis", address, "-j", "1"),
    );
    const sweep = start(
      process.execPath,
      PVTWIN,
      "sweep",
      "sweep.yaml",
      "--out",
      "queued",
      "--engine",
      "bullmq",
      "--redis",
      address,
    );
    const finished = ended(sweep);
    await sleep(8_000);
    workers[0]!.kill("SIGKILL");
    await sleep(4_000);
    server.kill("SIGKILL");
    await ended(server);
    server = redis();
    expect(await finished).to.equal(0);

    expect(await ended(start(process.execPath, PVTWIN, "sweep", "sweep.yaml", "--out", "local"))).to.equal(0);
    const local = await table("local");
    expect(local).to.have.lengthOf(5 * 3 * 9);
    expect(await table("queued")).to.deep.equal(local);
    const lines = readFileSync(join(dir, "queued", "cells.jsonl"), "utf8")
      .trimEnd()
      .split("\n");
    const keys = lines.map((line) => (JSON.parse(line) as { key: string }).key);
    expect(new Set(keys).size).to.equal(keys.length);
  }).timeout(600_000);
});
