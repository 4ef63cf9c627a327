/**
 * Nobody waits for ever: for a lock that is not given back, an interrupt that is not answered, a row that is gone.
 *
 * A vCPU that is in a path, and whose next step waits, cannot act. A lock is free again when the path that holds it has gone on, so
 * somebody who is in a path, or is about to take an interrupt, has to be able to go on. That is asked in each state, with all
 * reductions. Of whole runs it is asked whether a vCPU stays where it cannot act: on a run that is fair to those who can go on all
 * the time, and takes an interrupt that it can take again and again. Locks are not fair: who is overtaken at one again and
 * again can act again and again, which is not waiting for ever. Who waits for one that is held by a CPU that is overtaken itself
 * would be: but nobody waits for a page_table_lock with another one held (lockHolderGoesOn), and a thread's operations are few.
 */
import type { Property } from "../../checker/model.js";
import type { PvState } from "./pv-state.js";
import { PATH_NONE } from "./registers.js";

/** `canAct`: which vCPUs can take an action in the current state, a bit each; of `among` at least. */
export function waitingProperties(m: PvState, canAct: (among: number) => number): Property[] {
  const { regs, linux } = m;
  const { vcpus } = m.scene.bounds;
  const isInPath = (vcpu: number): boolean => regs.path[vcpu] !== PATH_NONE;

  const somebodyGoesOn = (can: number): boolean => {
    let waits = false;
    for (let vcpu = 0; vcpu < vcpus; vcpu++) {
      if (!isInPath(vcpu) && linux.csd.fn[vcpu] === 0) continue;
      if ((can & (1 << vcpu)) !== 0) return true;
      waits = true;
    }
    return !waits;
  };
  const goesOn = (vcpu: number, can: number): boolean => !isInPath(vcpu) || (can & (1 << vcpu)) !== 0;

  return [
    {
      name: "somebodyGoesOn",
      says: "where a CPU waits in a path, another that is in one, or has an interrupt to take, can go on",
      kind: "always",
      holds: () => somebodyGoesOn(canAct(~0)),
      holdsAmong: somebodyGoesOn,
    },
    ...Array.from({ length: vcpus }, (_, vcpu): Property => ({
      name: `cpu${vcpu}GoesOn`,
      says: `CPU${vcpu} waits in no path for ever: again and again it is in none, or can go on`,
      kind: "eventually",
      holds: () => goesOn(vcpu, canAct(1 << vcpu)),
      holdsAmong: (can) => goesOn(vcpu, can),
    })),
  ];
}
