import { equalsThePlainWalk } from "./compared-walks.js";

describe("The fast walk", function () {
  this.timeout(240_000);
  equalsThePlainWalk(4_000, 1); // these meet every rule; the long suite draws anew
});
