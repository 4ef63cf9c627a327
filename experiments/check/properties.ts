/**
 * What must be so in every state of a check, what must happen at all, and what must happen in the end.
 *
 * Numbers are those of the hazards of non-shared top-level tables (see machine/invariants.ts). They are looked at in each
 * state, also in the middle of a hypercall, so each says where it need not hold yet.
 */
import { cpumask_test_cpu } from "../../abi/cpumask.js";
import { _PAGE_PRESENT } from "../../abi/page.js";
import type { Proposal } from "../../abi/proposal.js";
import type { Property } from "../../checker/model.js";
import { INIT_MM, NO_MM } from "../../linux-mm-model/mm-struct.js";
import { PerVcpu } from "../../linux-mm-model/top-level/per-vcpu.js";
import { idle_task } from "../../linux-mm-model/sched.js";
import { PGT_l3_page_table } from "../../xen-model/frame-table.js";
import { lifeProperties } from "./life-properties.js";
import { plugProperties } from "./plug-properties.js";
import type { PvState } from "./pv-state.js";
import type { Bounds } from "./bounds.js";
import {
  PATH_FAULT,
  PATH_MUNMAP,
  PATH_NONE,
  SEEN_foreign,
  SEEN_refused,
  SEEN_unresolved,
} from "./registers.js";

export function properties(m: PvState, proposal: Proposal, bounds: Bounds): readonly Property[] {
  return [
    ...promise(m),
    ...illusion(m, proposal),
    ...xens(m, proposal),
    ...lifeProperties(m),
    ...((bounds.hotplugs ?? 0) > 0 ? plugProperties(m) : []),
    ...happens(m, proposal, bounds),
    ...progress(m),
  ];
}

const always = (name: string, says: string, holds: () => boolean): Property => ({
  name,
  says,
  kind: "always",
  holds,
});
const sometimes = (name: string, says: string, holds: () => boolean): Property => ({
  name,
  says,
  kind: "sometimes",
  holds,
});

/** I-3, as the processors see it. */
function promise(m: PvState): Property[] {
  const { guest_cr3, xen_cr3 } = m.xen.pcpus;
  const { vcpus } = m.scene.bounds;
  const initL4s = new Set([m.linux.mms.pgd[INIT_MM]!]);
  for (let cpu = 0; cpu < vcpus; cpu++) initL4s.add(m.linux.top.start_pgd(m.linux, cpu));
  const shared = (cr3: ArrayLike<number>, users: boolean): boolean => {
    for (let p = 0; p < vcpus; p++) {
      for (let q = p + 1; q < vcpus; q++) {
        if (cr3[p] === cr3[q] && cr3[p] !== 0 && (!users || !initL4s.has(cr3[p]!))) return true;
      }
    }
    return false;
  };
  return [
    always(
      "onePcpuPerUserL4",
      "no two pCPUs have the same L4 of a process in %cr3, in the guest or in Xen",
      () => !shared(guest_cr3, true) && !shared(xen_cr3, true),
    ),
    always(
      "onePcpuPerL4InGuest",
      "no two pCPUs have the same L4 in %cr3 while they run their guests",
      () => !shared(guest_cr3, false),
    ),
    always(
      "onePcpuPerL4InXen",
      "no two pCPUs have the same L4 in %cr3 while Xen runs on them for a guest",
      () => !shared(xen_cr3, false),
    ),
  ];
}

function illusion(m: PvState, proposal: Proposal): Property[] {
  const { linux, xen, regs, slots } = m;
  const { memory, mms, pages, percpu } = linux;
  const { vcpus, mms: nrMms } = m.scene.bounds;
  const { mc } = linux;
  const lazily = proposal.linux.sync === "fault";
  const present = (l4: number, slot: number): number =>
    (memory.flags(l4, slot) & _PAGE_PRESENT) === 0 ? 0 : memory.frame(l4, slot);

  /** I-2, I-14: `l4` shows what `reference` says. */
  const shows = (l4: number, reference: number): boolean => {
    for (let slot = 0; slot < slots; slot++) {
      const is = present(l4, slot);
      if (is !== present(reference, slot) && !(lazily && is === 0)) return false;
    }
    return true;
  };
  /** Nobody is in the middle of an edit of mm's slots. */
  const settled = (mm: number): boolean => {
    if (mms.page_table_lock[mm] !== 0) return false;
    for (let vcpu = 0; vcpu < vcpus; vcpu++)
      if (regs.inXen[vcpu] !== 0 && regs.path[vcpu] === PATH_MUNMAP && linux.pud.mm[vcpu] === mm)
        return false;
    return true;
  };
  return [
    always("noHypercallFails", "no hypercall of Linux fails", () => {
      for (let vcpu = 0; vcpu < vcpus; vcpu++) if (mc[vcpu]!.failed[0] !== 0) return false;
      return true;
    }),
    always(
      "noDanglingReference",
      "an entry of an audited L4 leads to a table that Linux has not freed, and that Xen has in use as an L3",
      () => {
        for (const l4 of m.audited) {
          if (!m.isAudited(l4)) continue;
          for (let slot = 0; slot < slots; slot++) {
            const l3 = present(l4, slot);
            if (l3 === 0) continue;
            if (pages.refcount[l3] === 0 || xen.frames.type[l3] !== PGT_l3_page_table) return false;
          }
        }
        return true;
      },
    ),
    always(
      "tablesShowTheReference",
      "where user mode runs, each slot of both L4s is the reference's, or empty where the design lets it fault",
      () => {
        for (let vcpu = 0; vcpu < vcpus; vcpu++) {
          const mm = percpu.loaded_mm[vcpu]!;
          if (percpu.in_user[vcpu] === 0 || mm <= INIT_MM || !settled(mm)) continue;
          const reference = mms.pgd[mm]!;
          if (!shows(xen.vcpus.guest_table[vcpu]!, reference)) return false;
          if (!shows(xen.vcpus.guest_table_user[vcpu]!, reference)) return false;
        }
        return true;
      },
    ),
    always(
      "flushBeforeReuse",
      "no pCPU has cached a translation through a table that is free, or of another mm than the one it has loaded",
      () => {
        for (let vcpu = 0; vcpu < vcpus; vcpu++) {
          for (let slot = 0; slot < slots; slot++) {
            const l3 = regs.tlb[vcpu * slots + slot]!;
            if (l3 !== 0 && pages.refcount[l3] === 0) return false;
          }
        }
        return true;
      },
    ),
    always(
      "accessReachesOwnTables",
      "a user access goes through a table of the mm's own slot, or through one that is being taken away",
      () => (regs.seen[0]! & SEEN_foreign) === 0,
    ),
    always(
      "faultIsResolvedInOnePass",
      "where the fault handler has synchronised a slot, the access does not fault there again",
      () => (regs.seen[0]! & SEEN_unresolved) === 0,
    ),
    always(
      "cpumaskCoversUserMode",
      "a CPU whose user mode runs on an mm is in its CPU set, so that flushes reach it",
      () => {
        for (let vcpu = 0; vcpu < vcpus; vcpu++) {
          const mm = percpu.loaded_mm[vcpu]!;
          if (
            percpu.in_user[vcpu] !== 0 &&
            mm > INIT_MM &&
            !cpumask_test_cpu(vcpu, mms.cpumask, mms.mm_cpumask(mm))
          )
            return false;
        }
        return true;
      },
    ),
    always(
      "lockHolderGoesOn",
      "a CPU that holds a page_table_lock is in a hypercall, and waits for no other lock",
      () => {
        for (let mm = INIT_MM; mm <= nrMms; mm++) {
          const holder = mms.page_table_lock[mm]!;
          if (holder !== 0 && regs.inXen[holder - 1] === 0) return false;
        }
        return true;
      },
    ),
    always(
      "currentCr3IsWhatIsLoaded",
      "xen_current_cr3 of a CPU that makes no hypercall tells which mm's tables it has loaded",
      () => {
        for (let vcpu = 0; vcpu < vcpus; vcpu++) {
          const mm = percpu.loaded_mm[vcpu]!;
          if (regs.inXen[vcpu] !== 0 || mc[vcpu]!.calls.used[0] !== 0 || mm <= INIT_MM) continue;
          if (!linux.top.belongs(linux, mm, percpu.xen_current_cr3[vcpu]!)) return false;
        }
        return true;
      },
    ),
    always(
      "everyL3IsCountedOnce",
      "nr_puds of an mm is the number of its L3 tables, however many L4s lead to them",
      () => {
        for (let mm = 1; mm <= nrMms; mm++) {
          if (mms.page_table_lock[mm] !== 0) continue;
          let count = 0;
          for (let slot = 0; slot < slots; slot++) if (present(mms.pgd[mm]!, slot) !== 0) count++;
          for (let vcpu = 0; vcpu < vcpus; vcpu++) {
            // cleared, and not yet freed
            if (regs.path[vcpu] === PATH_MUNMAP && linux.pud.mm[vcpu] === mm && linux.pud.table[vcpu] !== 0)
              return true;
          }
          if (count !== mms.nr_puds[mm]) return false;
        }
        return true;
      },
    ),
  ];
}

function xens(m: PvState, proposal: Proposal): Property[] {
  const { xen, regs, slots } = m;
  const { memory } = m.linux;
  const { frames, vcpus: v } = xen;
  const { vcpus } = m.scene.bounds;
  const list: Property[] = [
    always(
      "typeCountIsSumOfReferences",
      "the type count of an L3 is the number of audited entries that lead to it, and of uses that are being dropped",
      () => {
        for (const l3 of m.l3s) {
          if (frames.type[l3] !== PGT_l3_page_table || frames.typeCount[l3] === 0) continue;
          let uses = 0;
          for (const l4 of m.audited) {
            if (!m.isAudited(l4)) continue;
            for (let slot = 0; slot < slots; slot++)
              if (memory.frame(l4, slot) === l3 && (memory.flags(l4, slot) & _PAGE_PRESENT) !== 0) uses++;
          }
          for (let vcpu = 0; vcpu < vcpus; vcpu++) if (v.old_guest_table[vcpu] === l3) uses++;
          if (uses !== frames.typeCount[l3]) return false;
        }
        return true;
      },
    ),
  ];
  if (proposal.xen.exclusive) {
    list.push(
      always(
        "nothingIsRefused",
        "no installation of an L4 is refused by the exclusive audit, or would be",
        () => (regs.seen[0]! & SEEN_refused) === 0,
      ),
    );
  }
  if (xen.pcpus.root_pgt[0] !== 0 || v.root[0] !== 0) {
    list.push(
      always(
        "rootShowsTheGuestsL4",
        "while user mode runs and nobody edits, the root that its pCPU runs on has the slots of the guest's L4",
        () => {
          for (let vcpu = 0; vcpu < vcpus; vcpu++) if (regs.inXen[vcpu] !== 0) return true;
          for (let vcpu = 0; vcpu < vcpus; vcpu++) {
            if (m.linux.percpu.in_user[vcpu] === 0) continue;
            const root = xen.pcpus.guest_cr3[vcpu]!;
            for (let slot = 0; slot < slots; slot++)
              if (memory.frame(root, slot) !== memory.frame(v.guest_table_user[vcpu]!, slot)) return false;
          }
          return true;
        },
      ),
    );
  }
  return list;
}

/** Without these, what must always be so could be so because nothing ever ran. */
function happens(m: PvState, proposal: Proposal, bounds: Bounds): Property[] {
  const { linux, regs, slots } = m;
  const { percpu, tasks } = linux;
  const { vcpus } = m.scene.bounds;
  // with a thread a process, or one vCPU, some of it cannot happen
  const threadsMeet = bounds.threads > bounds.mms && bounds.vcpus > 1;
  const list = !threadsMeet
    ? []
    : [
        sometimes("twoThreadsOfOneProcessRun", "two threads of one process run on two vCPUs at once", () => {
          for (let p = 0; p < vcpus; p++) {
            for (let q = p + 1; q < vcpus; q++) {
              const mm = tasks.mm[percpu.current[p]!]!;
              if (
                mm !== NO_MM &&
                mm === tasks.mm[percpu.current[q]!] &&
                percpu.in_user[p] &&
                percpu.in_user[q]
              )
                return true;
            }
          }
          return false;
        }),
        sometimes(
          "slotIsClearedWhileInUse",
          "a slot is cleared while another CPU has cached a translation through it",
          () => {
            for (let vcpu = 0; vcpu < vcpus; vcpu++) {
              if (regs.path[vcpu] !== PATH_MUNMAP) continue;
              const l3 = linux.pud.table[vcpu]!;
              if (l3 === 0) continue;
              for (let i = 0; i < vcpus * slots; i++)
                if (Math.floor(i / slots) !== vcpu && regs.tlb[i] === l3) return true;
            }
            return false;
          },
        ),
        sometimes("twoCpusPopulate", "two CPUs are about to populate a slot of one mm at once", () => {
          for (let p = 0; p < vcpus; p++) {
            for (let q = p + 1; q < vcpus; q++) {
              if (regs.path[p] !== PATH_FAULT || regs.path[q] !== PATH_FAULT) continue;
              const { pud } = linux;
              if (pud.mm[p] !== 0 && pud.mm[p] === pud.mm[q] && pud.table[p] !== 0 && pud.table[q] !== 0)
                return true;
            }
          }
          return false;
        }),
      ];
  if ((bounds.kthreads ?? 0) > 0) {
    list.push(
      sometimes("kthreadUsesAnMm", "a kernel thread accesses memory of a process", () => {
        for (let vcpu = 0; vcpu < vcpus; vcpu++)
          if (m.runsKthread(vcpu) && m.mmOf(vcpu) !== NO_MM && regs.path[vcpu] === PATH_FAULT) return true;
        return false;
      }),
    );
  }
  list.push(
    sometimes("cpuIdlesLazily", "a CPU idles on the tables of a process, or has just left them", () => {
      for (let vcpu = 0; vcpu < vcpus; vcpu++)
        if (
          percpu.current[vcpu] === idle_task(vcpu) &&
          regs.path[vcpu] === PATH_NONE &&
          percpu.in_user[vcpu] === 0
        )
          if (percpu.loaded_mm[vcpu] !== INIT_MM || linux.top.unlazy) return true;
      return false;
    }),
  );
  if (
    !linux.top.loadsReference &&
    !(linux.top instanceof PerVcpu) &&
    proposal.linux.sync === "fault" &&
    threadsMeet
  ) {
    list.push(
      sometimes("threadSyncsOnFault", "a thread faults on a slot that its reference has already", () => {
        for (let vcpu = 0; vcpu < vcpus; vcpu++)
          if (regs.path[vcpu] === PATH_FAULT && regs.inXen[vcpu] !== 0 && linux.pud.mm[vcpu] === 0)
            return true;
        return false;
      }),
    );
  }
  return list;
}

/** Those that are about the end of runs, not about states. */
function progress(m: PvState): Property[] {
  const { regs } = m;
  return [
    {
      name: "noFaultLoop",
      says: "no access faults for ever: again and again, none is waiting",
      kind: "eventually",
      holds: () => {
        for (let vcpu = 0; vcpu < regs.access.length; vcpu++) if (regs.access[vcpu] !== 0) return false;
        return true;
      },
    },
  ];
}
