import { expect } from "chai";
import { BadInput } from "../../abi/bad-input.js";
import { parseMbox, renderMail } from "../../patches-notes/mail.js";
import { parseDiff } from "../../patches-notes/unified-diff.js";
import { haveGitApply, holdAgainstGit } from "./against-git.js";

const SEED = 20180418;

describe("mails and diffs", () => {
  it("of git's are read, applied and reversed, with git's diffstat", () => {
    expect(holdAgainstGit(12, SEED)).to.be.greaterThan(10);
  }).timeout(60_000);

  it("of this project's are applied by git am, with subject, author and texts", () => {
    expect(haveGitApply(12, SEED + 1)).to.be.greaterThan(10);
  }).timeout(60_000);

  it("give back what was written", () => {
    const mail = {
      from: "Ann Author <ann@example.org>",
      date: "Mon, 1 Jan 2024 00:00:00 +0000",
      subject: "[RFC PATCH v2 01/12] x86/xen: Say it in more words than fit into the 78 columns of a header",
      body: "Problem.\n\nSolution.",
      below: " file | 1 +\n 1 file changed, 1 insertion(+)",
      diff: "diff --git a/file b/file\n--- a/file\n+++ b/file\n@@ -1 +1,2 @@\n one\n+two\n",
    };
    const [read] = parseMbox(renderMail(mail, "end"), "mail");
    expect(read).to.deep.equal({ ...mail, below: mail.below.trim() });
  });

  it("that are damaged end in one message with the line", () => {
    expect(() => parseMbox("no mail", "f")).to.throw(BadInput, "f: line 1: is no line of an mbox");
    const hunk = "--- a/f\n+++ b/f\n@@ -1,3 +1,3 @@\n one\n";
    expect(() => parseDiff(`${hunk}`, "f")).to.throw(BadInput, "f: line 5: ends a hunk too early");
    expect(() => parseDiff(`${hunk}-two\n+two\n+three\n+four\n`, "f")).to.throw(
      BadInput,
      "line 8: makes a hunk longer",
    );
  });
});
