import { isExhausted } from "./exhausted.js";

describe("every interleaving of three threads over two processes, with two slots and two operations each", () => {
  isExhausted("xen-vcpu-root", 1_946_692, 4_687_705);
  isExhausted("linux-per-mm-vcpu", 2_762_084, 5_748_850);
  isExhausted("linux-per-thread-unlazy", 5_061_732, 9_594_108);
});
