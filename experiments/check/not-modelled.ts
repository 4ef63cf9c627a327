/** What a check of `bounds` does not look at: said at the end of each. */
import type { Bounds } from "./bounds.js";

export function notModelled({ forks = 0, hotplugs = 0 }: Bounds): readonly string[] {
  const less = [
    ...(forks > 0 ? [] : ["L4s that come and go with mms and threads (--forks)"]),
    ...(hotplugs > 0 ? [] : ["hotplug (--hotplugs)"]),
  ];
  const stateless = [
    "I-5 (no lockless walker), I-9, I-10 (the kernel half stays as booted), I-17 (no A bits)",
    ...(forks > 0 ? [] : ["I-11, I-13, I-15 and I-16 (no mm is pinned, unpinned or freed)"]),
    ...(hotplugs > 0 ? [] : ["I-20 (no hotplug)"]),
  ];
  return [
    `Not modelled: tables below L3 and data pages; VMAs are a bit a slot; ${["clone of a thread, suspend", ...less].join(", ")}.`,
    `Invariants without state here: ${stateless.join(", ")}; generated histories on the simulator look at them.`,
    "No path is preempted by the scheduler; a vCPU that waits for a lock spins; locks are not fair.",
    "Fair runs: a vCPU that can go on all the time does, and an interrupt that can be taken again and again is; " +
      "a vCPU that others overtake at a lock again and again is none that waits for ever.",
    "Caches keep all they may until a flush, and any access may find them empty; no PCID; a request of a hypercall is one step.",
  ];
}
