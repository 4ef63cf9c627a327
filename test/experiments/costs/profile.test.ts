import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { BadInput } from "../../../abi/bad-input.js";
import { CONSTANTS, knownProfiles, PROFILE_DIR, readProfile } from "../../../experiments/costs/profile.js";
import { runMain } from "../../cli/run-main.js";

const text = readFileSync(join(PROFILE_DIR, "skylake-pcid.yaml"), "utf8");

describe("a cost profile", () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "pvtwin-costs-"));
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  const own = (changed: string): string => {
    const file = join(dir, "mine.yaml");
    writeFileSync(file, changed);
    return file;
  };

  it("comes for Skylake with and without PCID, for Zen, and for instructions alone", () => {
    expect(knownProfiles()).to.deep.equal(["amd-zen", "instructions", "skylake-nopcid", "skylake-pcid"]);
    for (const name of knownProfiles()) expect(readProfile(name).name).to.equal(name);
  });

  it("that comes along is what its files say, though the build has read it before", () => {
    for (const name of knownProfiles())
      expect(readProfile(name), name).to.deep.equal(readProfile(join(PROFILE_DIR, `${name}.yaml`)));
  });

  it("may be a user's own file, with the instructions that come along", () => {
    const file = own(text.replace("likely: 150, high: 250", "likely: 170, high: 250"));
    expect(readProfile(file).constants.cr3_write.likely).to.equal(170);
  });

  const line = /^ {2}cr3_write: .*$/m.exec(text)![0];
  for (const [what, changed, says] of [
    ["a constant without a source", line.replace(/source: "[^"]*", /, ""), "constants.cr3_write.source"],
    [
      "a constant with an empty source",
      line.replace(/source: "[^"]*"/, 'source: ""'),
      "a constant needs a source",
    ],
    ["a constant without conditions", line.replace(/, conditions: "[^"]*"/, ""), "cr3_write.conditions"],
    ["a bracket upside down", line.replace("low: 100", "low: 300"), "low <= likely <= high"],
    ["a negative constant", line.replace("low: 100", "low: -1"), "constants.cr3_write.low"],
    [
      "a constant that nothing is priced by",
      `${line}\n${line.replace("cr3_write", "cr5_write")}`,
      "constants",
    ],
  ] as const) {
    it(`with ${what} cannot be loaded, and the message names file and key`, () => {
      const file = own(text.replace(line, changed));
      expect(() => readProfile(file))
        .to.throw(BadInput)
        .with.property("message")
        .that.include(file)
        .and.include(says);
    });
  }

  it("without one of the constants cannot be loaded", () => {
    const file = own(text.replace(`${line}\n`, ""));
    expect(() => readProfile(file)).to.throw(BadInput, "constants.cr3_write");
  });

  it("is printed by pvtwin costs, each constant with bracket, unit and source", async () => {
    const { status, out: stdout } = await runMain("costs", "--json");
    expect(status).to.equal(0);
    const { constants } = JSON.parse(stdout) as { constants: Record<string, unknown>[] };
    expect(constants.map(({ name }) => name)).to.deep.equal([...CONSTANTS]);
    for (const constant of constants)
      expect(constant).to.include.all.keys("low", "likely", "high", "unit", "source", "conditions");
  });

  it("that there is not is refused with exit status 2, and those that there are are named", async () => {
    const { status, err: stderr } = await runMain("costs", "haswell");
    expect(status).to.equal(2);
    expect(stderr).to.equal(
      "pvtwin: haswell: is no profile; name a YAML file, or one of amd-zen, instructions, skylake-nopcid, skylake-pcid\n",
    );
  });
});
