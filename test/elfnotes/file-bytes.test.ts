import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import fc from "fast-check";
import { FileBytes } from "../../elfnotes/file-bytes.js";
import { ImageBytes } from "../../elfnotes/image-bytes.js";
import { rejection } from "./image-builder.js";
import { noise } from "./reference-tools.js";

describe("the bytes of an open file", () => {
  const folder = mkdtempSync(join(tmpdir(), "pvtwin-"));
  const name = join(folder, "image");
  const content = Buffer.from(noise(3, 20_000));
  content.write("text\0", 9000);
  writeFileSync(name, content);
  const fd = openSync(name, "r+");
  const held = new ImageBytes("k", content);
  const read = new FileBytes("k", fd, 0, content.length);
  after(() => {
    closeSync(fd);
    rmSync(folder, { recursive: true });
  });

  /** What each of its methods says at an offset, errors too. */
  const said = (bytes: ImageBytes, offset: number, length: number) =>
    [
      () => bytes.u8(offset, "a part"),
      () => bytes.u16(offset, "a part"),
      () => bytes.u32(offset, "a part"),
      () => bytes.u64(offset, "a part"),
      () => bytes.string(offset, "a part"),
      () => bytes.has(offset, "text"),
      () => Buffer.from(bytes.slice(offset, length, "a part")).toString("hex"),
      () => Buffer.from(bytes.part(offset, bytes.length - offset).data).toString("hex"),
    ].map((say) => {
      try {
        return say();
      } catch (error) {
        return (error as Error).message;
      }
    });

  it("are what they would be in memory, wherever they are asked for", () => {
    const offset = fc.oneof(fc.nat({ max: content.length }), fc.constantFrom(4095, 4096, 8999, 9000, 19_999));
    fc.assert(
      fc.property(offset, fc.nat({ max: 10_000 }), (at, length) => {
        expect(said(read, at, length)).to.deep.equal(said(held, at, length));
      }),
      { numRuns: 300 },
    );
  });

  it("stay what they were where more is read", () => {
    const first = read.slice(0, 16, "a part");
    read.u32(15_000, "a part");
    expect(Buffer.from(first).equals(content.subarray(0, 16))).to.be.true;
  });

  it("are refused where the file has become shorter", async () => {
    ftruncateSync(fd, 10_000);
    const error = await rejection(() => read.slice(9990, 5000, "a part"));
    expect(error.message).to.match(/^k: offset 0x2710: the file ends here, it was longer; /);
  });
});
