/** What a check does not look at: said at the end of each. */
export const NOT_MODELLED: readonly string[] = [
  "Not modelled: tables below L3 and data pages; VMAs are a bit a slot; fork, exec, exit, kthread_use_mm, hotplug, suspend.",
  "No path is preempted by the scheduler; a vCPU that waits for a lock spins; locks are not fair.",
  "Caches keep all they may until a flush, and any access may find them empty; no PCID; a request of a hypercall is one step.",
];
