/** The spaces that take minutes each: npm run test:exhaust. */
import { isExhausted } from "./exhausted.js";

describe("every interleaving of three threads over two processes, with two slots and two operations each", () => {
  isExhausted("linux-per-vcpu-local-flush", 8_178_481, 18_313_467);
  isExhausted("linux-per-vcpu", 8_897_669, 19_725_209);
});
