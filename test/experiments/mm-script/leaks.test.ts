import { playGenerated } from "./leaks.js";

describe("Frames of processes that have exited", () => {
  it("are all back to their first type and counts in Xen, after 50 generated scripts", () => {
    playGenerated("shared", 50);
  }).timeout(120_000);
});
