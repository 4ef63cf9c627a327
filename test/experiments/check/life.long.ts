import { BESIDE_KTHREAD, findsNothing, ONE_LIFE } from "./finds-nothing.js";

// three and two designs: life.test.ts
describe("a check of a thread that forks or execs once, and exits, as its child does, in the other designs", () => {
  findsNothing(ONE_LIFE, [
    ["linux-per-mm-vcpu", 43_526, 87_272],
    ["linux-per-vcpu-local-flush", 45_804, 90_804],
  ]);
});

describe("a check of two threads beside a kernel thread that uses their mm, in the other designs", () => {
  findsNothing(BESIDE_KTHREAD, [
    ["linux-per-mm-vcpu", 14_596, 36_324],
    ["linux-per-vcpu-local-flush", 20_058, 47_975],
  ]);
});
