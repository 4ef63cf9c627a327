/** The guest of tests that hold a hypercall in one piece against the same by its steps. */
import { TestGuest } from "./test-guest.js";

/** p1..p4 are pinned tables, p5 an L1 that nobody uses; the others are data, two of them mapped read-only everywhere. */
export function guestWithTables(root: "shared" | "xpti" | "xpti-copy-always", preempt = 0): TestGuest {
  const guest = new TestGuest({ root, preempt });
  guest.tables({
    p10: [],
    p11: [],
    p5: [],
    p1: ["p10|0x65"],
    p2: ["p1|0x67"],
    p3: ["p2|0x67"],
    p4: ["p3|0x67"],
  });
  for (const level of [1, 2, 3, 4]) guest.pin(level, `p${level}`);
  return guest;
}
