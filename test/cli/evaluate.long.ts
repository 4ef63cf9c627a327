import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { givesTheSameBytes, ODD, STORM } from "./same-bytes.js";

describe("pvtwin evaluate, all proposals", () => {
  it("gives the same bytes twice, and on one worker or two, apart from the host's field", () => {
    const dir = mkdtempSync(join(tmpdir(), "pvtwin-evaluate-"));
    try {
      givesTheSameBytes(dir, [], [STORM, ODD]);
    } finally {
      rmSync(dir, { recursive: true });
    }
  });
});
