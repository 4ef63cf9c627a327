/** Named breaks of fork, exec and exit: see mutants.ts. */
import { BLOCKED, NEXT, step, type Step } from "../../abi/path.js";
import type { Linux } from "../../linux-mm-model/linux.js";
import { PG_pinned } from "../../linux-mm-model/struct-page.js";
import type { Mutant } from "./mutants.js";
import { PARTS } from "./paths.js";

const PAIRS = ["linux-per-thread-unlazy", "linux-per-mm-vcpu", "linux-per-thread", "linux-per-thread-eager"];

export const LIFE_MUTANTS: Readonly<Record<string, Mutant>> = {
  "mm-goes-while-loaded": {
    says: "an mm is unpinned without asking the other CPUs off its tables",
    caughtBy: "noHypercallFails",
    on: ["xen-vcpu-root", "shared", "xpti"],
    forks: 1,
    parts: { exit_mmap: without(PARTS.exit_mmap, "smp_call_function_many") },
  },
  "pair-goes-while-loaded": {
    says: "the pair of a dead thread goes while its CPU idles on it",
    caughtBy: "noFreedL4IsLoaded",
    on: ["linux-per-thread", "linux-per-thread-eager"],
    forks: 1,
    parts: { thread_free: without(PARTS.thread_free, "leave_mm") },
  },
  "pair-is-not-unpinned": {
    says: "a pair is freed, and stays pinned",
    caughtBy: "noFreedL4IsTyped",
    on: PAIRS,
    forks: 1,
    parts: {
      exit_mmap: without(PARTS.exit_mmap, "unpin_replica"),
      thread_free: without(PARTS.thread_free, "unpin_replica"),
    },
  },
  "pairs-before-the-pin": {
    says: "fork makes the child's pairs before it pins the reference",
    caughtBy: "noPairBeforeThePin",
    on: PAIRS,
    forks: 1,
    parts: { enter_mmap: [PARTS.enter_mmap[1]!, PARTS.enter_mmap[0]!] },
  },
  "reference-is-unmarked": {
    says: "a reference that is pinned is not marked so",
    caughtBy: "referenceIsMarkedPinned",
    on: ["shared", "xen-vcpu-root", ...PAIRS, "linux-per-vcpu", "linux-per-vcpu-local-flush"],
    forks: 1,
    machine: ({ linux }) => {
      const { top } = linux;
      const pinned = top.pinned.bind(top);
      top.pinned = (k, cpu, mm) => {
        k.pages.flags[k.mms.pgd[mm]!]! &= ~PG_pinned;
        return pinned(k, cpu, mm);
      };
    },
  },
  "droppers-wait-for-each-other": {
    says: "who drops a pair waits until nobody else is about to drop it, too",
    caughtBy: "somebodyGoesOn",
    on: ["linux-per-thread-unlazy"],
    forks: 1,
    parts: {
      exit_mmap: PARTS.exit_mmap.map(waitsForDroppers),
      thread_free: PARTS.thread_free.map(waitsForDroppers),
    },
  },
  "call-is-not-answered": {
    says: "a CPU that is asked off tables leaves the request where it is",
    caughtBy: "cpu1GoesOn",
    inTheEnd: true,
    on: ["xen-vcpu-root", "shared", "xpti"],
    forks: 1,
    parts: { call_function: without(PARTS.call_function, "csd_unlock") },
  },
  "pairs-are-not-listed": {
    says: "a suspend finds the pairs that were there at first, and no others",
    caughtBy: "everyTypedL4IsListed",
    on: PAIRS,
    forks: 1,
    machine: ({ linux }) => {
      const { top } = linux;
      const there: number[] = [];
      top.replicas(linux, (pgd) => there.push(pgd));
      top.replicas = (k, visit) => there.filter((pgd) => k.pages.refcount[pgd] !== 0).forEach(visit);
    },
  },
};

/** csd_lock_wait() that takes another CPU which drops the same pair for one that has been asked off it. */
function waitsForDroppers(s: Step<Linux>): Step<Linux> {
  if (s.name !== "csd_lock_wait") return s;
  return step(s.name, (k, cpu) => {
    const { pgd } = k.life;
    const another = pgd.some((one, other) => other !== cpu && one !== 0 && one === pgd[cpu]);
    return another ? BLOCKED : s.run(k, cpu);
  });
}

/** `steps`, with those of that name doing nothing. */
export function without(steps: readonly Step<Linux>[], name: string): Step<Linux>[] {
  return steps.map((s) => (s.name === name ? step(name, () => NEXT) : s));
}
