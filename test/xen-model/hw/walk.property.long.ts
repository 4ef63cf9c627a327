import { equalsThePlainWalk } from "./compared-walks.js";

describe("The fast walk, on more than 100,000 random tables", () => {
  equalsThePlainWalk(17_000);
});
