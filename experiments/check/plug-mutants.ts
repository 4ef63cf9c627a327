/** Named breaks of what happens to vCPUs that go down and come up: see mutants.ts. */
import { DONE, step } from "../../abi/path.js";
import { without } from "./life-mutants.js";
import type { Mutant } from "./mutants.js";
import { PARTS } from "./paths.js";

export const PLUG_MUTANTS: Readonly<Record<string, Mutant>> = {
  "dead-cpu-stays-on-its-mm": {
    says: "a CPU that goes down stays on the tables that it idles on",
    caughtBy: "deadCpuHasLeft",
    on: [
      "xen-vcpu-root",
      "shared",
      "xpti",
      "linux-per-mm-vcpu",
      "linux-per-vcpu",
      "linux-per-vcpu-local-flush",
    ],
    hotplugs: 1,
    parts: { play_dead: without(PARTS.play_dead, "idle_task_exit") },
  },
  "dead-cpu-keeps-its-pairs": {
    says: "the pairs of a CPU that is down are not dropped",
    caughtBy: "deadCpuHasNoPair",
    on: ["linux-per-mm-vcpu"],
    hotplugs: 1,
    parts: { cpu_dead: [step("a pair of the dead CPU", () => DONE)] },
  },
};
