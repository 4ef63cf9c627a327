import { Writable } from "node:stream";
import { expect } from "chai";
import { progressOn } from "../../cli/progress.js";

/** A stream that claims to be a terminal, or not, and keeps what it is sent. */
function fakeStream(isTTY: boolean): { stream: NodeJS.WriteStream; sent: () => string } {
  let text = "";
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      text += chunk.toString();
      done();
    },
  });
  Object.assign(stream, {
    isTTY,
    columns: 80,
    clearLine: () => true,
    cursorTo: () => true,
    moveCursor: () => true,
  });
  return { stream: stream as NodeJS.WriteStream, sent: () => text };
}

const later = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe("the progress bar", () => {
  it("shows nothing where stderr is no terminal", async () => {
    const { stream, sent } = fakeStream(false);
    const progress = progressOn("recordings", 3, stream);
    await later(1100);
    progress.update(2);
    progress.stop();
    expect(sent()).to.equal("");
  });

  it("shows nothing for work that is done within a second", () => {
    const { stream, sent } = fakeStream(true);
    const progress = progressOn("recordings", 3, stream);
    progress.update(3);
    progress.stop();
    expect(sent()).to.equal("");
  });

  it("shows how many are done after a second", async () => {
    const { stream, sent } = fakeStream(true);
    const progress = progressOn("recordings", 3, stream);
    progress.update(1);
    await later(1100);
    progress.stop();
    expect(sent()).to.include("1 of 3 recordings");
  });
});
