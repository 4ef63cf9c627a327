import { appendFileSync, cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { readAsBuilt } from "../../experiments/as-built.js";
import { PROFILE_DIR, readProfile } from "../../experiments/costs/profile.js";

describe("what the build has read", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "pvtwin-as-built-"));
    cpSync(PROFILE_DIR, folder, { recursive: true });
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it("is taken where the files are what they were", () => {
    expect(readAsBuilt("profiles", "amd-zen", folder)).to.deep.equal(readProfile("amd-zen"));
  });

  for (const file of ["amd-zen.yaml", "xen-4.17.instructions.yaml"]) {
    it(`is left where ${file} has changed since`, () => {
      appendFileSync(join(folder, file), "\n");
      expect(readAsBuilt("profiles", "amd-zen", folder)).to.equal(undefined);
    });

    it(`is left where ${file} has gone`, () => {
      rmSync(join(folder, file));
      expect(readAsBuilt("profiles", "amd-zen", folder)).to.equal(undefined);
    });
  }

  it("has no others", () => {
    expect(readAsBuilt("profiles", "mine", folder)).to.equal(undefined);
  });
});
