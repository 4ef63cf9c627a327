/** What a check does not look at: said at the end of each. */
export const NOT_MODELLED: readonly string[] = [
  "Not modelled: tables below L3 and data pages; VMAs are a bit a slot; fork, exec, exit, hotplug, suspend: L4s neither come nor go.",
  "Invariants without state here: I-5 (no lockless walker), I-9, I-10 (the kernel half stays as booted), I-11 (fork), I-13 (no pair is freed), " +
    "I-15, I-16 (nothing is pinned or unpinned), I-17 (no A bits), I-20 (no hotplug); generated histories on the simulator look at them.",
  "No path is preempted by the scheduler; a vCPU that waits for a lock spins; locks are not fair.",
  "Caches keep all they may until a flush, and any access may find them empty; no PCID; a request of a hypercall is one step.",
];
