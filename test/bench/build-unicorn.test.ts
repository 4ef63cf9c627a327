/** What `npm run bench` says where Unicorn, against which it measures the walk, is not installed. */
import { expect } from "chai";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

// eslint-disable-next-line @typescript-eslint/no-require-imports
const { buildUnicorn } = require("../../bench/build-unicorn.js") as {
  buildUnicorn(folder: string, flags?: readonly string[]): { program?: string; skipped?: string };
};

describe("Unicorn's side of the bench", () => {
  it("is left out with a word that names the package, where the compiler finds no header", () => {
    const folder = mkdtempSync(join(tmpdir(), "pvtwin-unicorn-"));
    try {
      expect(buildUnicorn(folder, ["-nostdinc"])).to.deep.equal({
        skipped: "the C compiler finds no unicorn/unicorn.h and libunicorn (Debian: libunicorn-dev)",
      });
      expect(readdirSync(folder)).to.deep.equal([]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
