import { expect } from "chai";
import { AGAIN, BLOCKED, DONE, NEXT, advance, path, runPath, step } from "../../abi/path.js";

describe("a kernel path", () => {
  const log: string[] = [];
  const counting = path<{ n: number }>("count", [
    step("first", (m) => {
      log.push("first");
      return ++m.n < 3 ? AGAIN : NEXT;
    }),
    step("skip", () => 3),
    step("skipped", () => NEXT),
    step("last", () => {
      log.push("last");
      return DONE;
    }),
    step("never", () => NEXT),
  ]);

  it("repeats a step on AGAIN, jumps to an index, and leaves on DONE", () => {
    log.length = 0;
    runPath(counting, { n: 0 }, 0);
    expect(log).to.deep.equal(["first", "first", "first", "last"]);
  });

  it("throws where one vCPU alone is blocked, since it would wait for ever", () => {
    expect(() => runPath(path("wait", [step("ack", () => BLOCKED)]), {}, 0)).to.throw(RangeError, "ack");
  });

  it("advances one step at a time as the simulator runs", () => {
    expect([NEXT, AGAIN, BLOCKED, DONE, 4].map((a) => advance(counting, 1, a))).to.deep.equal([
      2, 1, 1, -1, 4,
    ]);
    expect(advance(counting, 4, NEXT)).to.equal(-1);
  });
});
