import { expect } from "chai";
import { LONG_NAMES, made, shown } from "../scripts/readme.js";

describe("the tables of README.md", () => {
  for (const name of LONG_NAMES) {
    it(`shows what is printed now: ${name}`, () => {
      expect(shown(name), "npm run readme brings it up to date").to.equal(made(name));
    });
  }
});
