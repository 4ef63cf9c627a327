import { expect } from "chai";
import { haveGitApply, holdAgainstGit } from "./against-git.js";

describe("mails and diffs, at length", () => {
  it("of git's on 250 files are read, applied and reversed, with git's diffstat", () => {
    expect(holdAgainstGit(250, 1)).to.be.at.least(240);
  });

  it("of this project's on 250 files are applied by git am", () => {
    expect(haveGitApply(250, 2)).to.be.at.least(240);
  });
});
