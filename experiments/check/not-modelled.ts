/** What a check does not look at: said at the end of each. */
export const NOT_MODELLED: readonly string[] = [
  "Not modelled: tables below L3 and data pages; VMAs are a bit a slot; clone of a thread, hotplug, suspend; without --forks, L4s neither come nor go.",
  "Invariants without state here: I-5 (no lockless walker), I-9, I-10 (the kernel half stays as booted), I-17 (no A bits), I-20 (no hotplug); " +
    "without --forks I-11, I-13, I-15 and I-16 too (nothing is pinned, unpinned or freed); generated histories on the simulator look at them.",
  "No path is preempted by the scheduler; a vCPU that waits for a lock spins; locks are not fair.",
  "Fair runs: a vCPU that can go on all the time does, and an interrupt that can be taken again and again is; " +
    "a vCPU that others overtake at a lock again and again is none that waits for ever.",
  "Caches keep all they may until a flush, and any access may find them empty; no PCID; a request of a hypercall is one step.",
];
