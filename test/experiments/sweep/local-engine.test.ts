import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { expect } from "chai";
import { BadInput } from "../../../abi/bad-input.js";
import type { Group } from "../../../experiments/sweep/group.js";
import { GroupQueue } from "../../../experiments/sweep/group-queue.js";
import { LocalEngine } from "../../../experiments/sweep/local-engine.js";
import { simulate } from "../../../experiments/sweep/simulate.js";
import { readSweep } from "../../../experiments/sweep/spec.js";
import work from "../../../experiments/sweep/worker.js";
import { ROOT } from "../../pvtwin.js";

const trace = (name: string): string => join(ROOT, "test", "data", "traces", name);

describe("two workers", () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "pvtwin-engine-"));
    copyFileSync(trace("odd_names.perf.txt.gz"), join(dir, "it.txt.gz"));
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  const groupsOf = (proposals: string): Group[] => {
    const file = join(dir, "sweep.yaml");
    writeFileSync(file, `name: s\nproposals: ${proposals}\nworkloads: [{ recording: it.txt.gz }]\n`);
    return readSweep(file, "1").groups;
  };

  const run = async (groups: readonly Group[], done: () => void): Promise<void> => {
    const engine = new LocalEngine(2);
    await engine.run(groups, done).finally(() => engine.end());
  };

  /** Run them; answers which group each worker had had when it was given one, until the first was done. */
  const givenBeforeDone = async (groups: readonly Group[]): Promise<(string | undefined)[]> => {
    const given: (string | undefined)[] = [];
    let done = 0;
    const { next } = GroupQueue.prototype;
    GroupQueue.prototype.next = function (last) {
      if (done === 0) given.push(last?.proposal.name);
      return next.call(this, last);
    };
    try {
      await run(groups, () => done++);
    } finally {
      GroupQueue.prototype.next = next;
    }
    expect(done).to.equal(groups.length);
    return given;
  };

  it("that have nothing to run end", async () => {
    const engine = new LocalEngine(2);
    await engine.end();
    await run([], () => expect.fail());
  });

  it("share two groups of one recording", async () => {
    const given = await givenBeforeDone(groupsOf("[shared, xpti]"));
    expect(given.slice(0, 2)).to.deep.equal([undefined, undefined]);
  });

  it("have one group more than they run, as long as there are many", async () => {
    const groups = groupsOf("[]");
    expect(groups).to.have.lengthOf.at.least(10);
    const given = await givenBeforeDone(groups);
    expect(given.filter((last) => last === undefined)).to.have.lengthOf(2);
    expect(given).to.have.lengthOf.at.least(4);
  }).timeout(60_000);

  it("stop at a group that cannot be run, whatever else they have been sent", async () => {
    const groups = groupsOf("[]");
    copyFileSync(trace("thread_storm_b.xenpv.perf.txt.gz"), join(dir, "it.txt.gz"));
    const unseen: unknown[] = []; // failures that would end the process
    const onUnseen = (error: unknown) => unseen.push(error);
    process.on("unhandledRejection", onUnseen);
    try {
      for (let time = 0; time < 10; time++) {
        // whose answer is on its way by then differs
        const failed = await run(groups, () => undefined).catch((error: unknown) => error);
        expect(failed).to.be.instanceOf(BadInput);
        expect((failed as BadInput).message).to.include("is not the file that the sweep named");
        await setImmediate();
      }
    } finally {
      process.off("unhandledRejection", onUnseen);
    }
    expect(unseen).to.deep.equal([]);
  }).timeout(60_000);
});

describe("a worker that is sent two groups at once", () => {
  let groups: readonly Group[];
  before(() => {
    const all = readSweep(join(ROOT, "bench", "two-hundred.yaml"), "1").groups;
    groups = all.filter(({ workload }) => workload === "thread_storm").slice(0, 2);
  });

  it("runs the first one to its end before it begins with the second", async () => {
    const log: string[] = [];
    const send = async (group: Group) => {
      const { proposal } = group;
      const told = { ...group };
      Object.defineProperty(told, "proposal", { get: () => (log.push(`${proposal.name} begins`), proposal) });
      const answer = await work(told);
      log.push(`${proposal.name} has ended`);
      return answer;
    };
    const answers = await Promise.all(groups.map(send));
    expect(log).to.deep.equal(["shared begins", "shared has ended", "xpti begins", "xpti has ended"]);
    expect(answers[1]).to.deep.equal({ result: await simulate(groups[1]!) });
  }).timeout(60_000);

  it("runs the second one where the first has failed", async () => {
    const broken = { ...groups[0]!, work: undefined } as unknown as Group;
    const [failed, answer] = await Promise.allSettled([work(broken), work(groups[1]!)]);
    expect([failed!.status, answer!.status]).to.deep.equal(["rejected", "fulfilled"]);
  }).timeout(60_000);
});
