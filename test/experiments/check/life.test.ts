import { BESIDE_KTHREAD, findsNothing, ONE_LIFE } from "./finds-nothing.js";

// the other designs: life.long.ts
describe("a check of a thread that forks or execs once, and exits, as its child does", () => {
  findsNothing(ONE_LIFE, [
    ["xen-vcpu-root", 17_331, 34_345],
    ["linux-per-thread-unlazy", 38_399, 77_280],
    ["linux-per-vcpu", 48_349, 95_411],
  ]);
});

describe("a check of two threads beside a kernel thread that uses their mm", () => {
  findsNothing(BESIDE_KTHREAD, [
    ["xen-vcpu-root", 14_163, 36_556],
    ["linux-per-vcpu", 20_420, 48_761],
  ]);
});
