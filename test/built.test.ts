/** What scripts/ensure-built.js leaves in dist/. */
import { expect } from "chai";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const DIST = join(__dirname, "..", "dist");

describe("the build", () => {
  it("assigns no export twice, so that V8 takes each for a constant", () => {
    const modules = readdirSync(DIST, { recursive: true, encoding: "utf8" }).filter((name) =>
      name.endsWith(".js"),
    );
    expect(modules.length).to.be.above(300);
    const twice = modules.filter((name) => {
      const assigned = readFileSync(join(DIST, name), "utf8").matchAll(/^exports[.[]"?([\w$-]+)"?\]? = /gm);
      const names = Array.from(assigned, ([, exported]) => exported);
      return new Set(names).size < names.length;
    });
    expect(twice).to.deep.equal([]);
  });
});
