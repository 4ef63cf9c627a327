import { playGenerated } from "./leaks.js";

describe("Frames of processes that have exited", () => {
  for (const name of ["shared", "xpti"]) {
    it(`are all back to their first type and counts in Xen, after 2,000 generated scripts (${name})`, () => {
      playGenerated(name, 2000);
    }).timeout(1_800_000);
  }
});
