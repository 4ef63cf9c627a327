/** The spaces that take minutes each: npm run test:exhaust. */
import { isExhausted } from "./exhausted.js";

describe("every interleaving of three threads over two processes, with two slots and two operations each", () => {
  isExhausted("linux-per-vcpu-local-flush", 8_178_481, 18_313_467);
  isExhausted("linux-per-vcpu", 8_897_669, 19_725_209);
});

describe("every interleaving of two threads of one process that exit, and fork or exec once", () => {
  const bounds = { vcpus: 2, threads: 2, mms: 1, slots: 1, ops: 1, forks: 1 };
  isExhausted("xen-vcpu-root", 684_309, 1_532_238, bounds);
  isExhausted("linux-per-thread-unlazy", 1_955_157, 4_179_595, bounds);
});
