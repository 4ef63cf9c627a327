import { expect } from "chai";
import { GroupQueue } from "../../../experiments/sweep/group-queue.js";
import type { Group } from "../../../experiments/sweep/group.js";

const group = (key: string, work: Group["work"]): Group => ({ key, work, cells: [] }) as unknown as Group;
const recorded = (key: string, recording: string, bytes: number): Group =>
  group(key, { recording, sha256: `of ${recording}`, bytes });
const rated = (key: string, vcpus: number): Group =>
  group(key, { synthetic: { vcpus, threads: vcpus } } as Group["work"]);

/** What each of two workers runs, taking turns, as where all groups take equally long. */
function inTurns(groups: readonly Group[]): string[][] {
  const queue = new GroupQueue(groups);
  const ran: Group[][] = [[], []];
  for (let turn = 0, idle = 0; idle < 2; turn++) {
    const own = ran[turn % 2]!;
    const next = queue.next(own.at(-1));
    if (next !== undefined) own.push(next);
    idle = next === undefined ? idle + 1 : 0;
  }
  return ran.map((own) => own.map(({ key }) => key));
}

describe("the groups of a sweep, on two workers", () => {
  it("go recording by recording, the largest first, and a worker that has none left helps the other", () => {
    const groups = [
      ...["s1", "s2"].map((key) => recorded(key, "small", 10)),
      ...["l1", "l2", "l3", "l4", "l5"].map((key) => recorded(key, "large", 30)),
    ];
    expect(inTurns(groups)).to.deep.equal([
      ["l1", "l2", "l3", "l5"],
      ["s1", "s2", "l4"],
    ]);
  });

  it("of no recording go the longest first", () => {
    const groups = [1, 64, 1024, 256].map((vcpus) => rated(`${vcpus}`, vcpus));
    expect(inTurns(groups)).to.deep.equal([
      ["1024", "64"],
      ["256", "1"],
    ]);
  });

  it("go kind by kind, each worker at one of its own, until it helps the other", () => {
    const groups = [
      ...["r1", "r2"].map((key) => recorded(key, "one", 10)),
      ...["t1", "t2"].map((key) => recorded(key, "two", 9)),
      ...[1, 2, 3, 4, 5, 6].map((vcpus) => rated(`${vcpus}`, vcpus)),
    ];
    expect(inTurns(groups)).to.deep.equal([
      ["6", "5", "4", "3", "2"],
      ["r1", "r2", "t1", "t2", "1"],
    ]);
  });

  it("are found by their kind while they are left", () => {
    const groups = [recorded("r1", "one", 10), recorded("r2", "two", 9), rated("1", 1), rated("2", 2)];
    const queue = new GroupQueue(groups);
    expect(queue.size).to.equal(4);
    const left = (kind: string) => queue.leftOf(kind).map(({ key }) => key);
    expect(left("recording")).to.deep.equal(["r1", "r2"]);
    expect(queue.next()).to.equal(groups[3]);
    expect(left("synthetic")).to.deep.equal(["1"]);
    expect(left("recording")).to.deep.equal(["r1", "r2"]);
    expect(left("script")).to.deep.equal([]);
  });
});
