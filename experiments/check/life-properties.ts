/** What must be so where mms and their L4s come and go: I-11, I-13, I-15 and I-16 of machine/invariants.ts. */
import { _PAGE_PRESENT, _PAGE_RW } from "../../abi/page.js";
import type { Property } from "../../checker/model.js";
import { INIT_MM } from "../../linux-mm-model/mm-struct.js";
import { PG_pinned } from "../../linux-mm-model/struct-page.js";
import { PerMmVcpu } from "../../linux-mm-model/top-level/per-mm-vcpu.js";
import { PerThread } from "../../linux-mm-model/top-level/per-thread.js";
import { pgd_list } from "../../linux-mm-model/xen/suspend.js";
import { directMapWord } from "./l3-codec.js";
import type { PvState } from "./pv-state.js";
import { PATH_NONE } from "./registers.js";
import { firstThread } from "./bounds.js";

/** Those that there is state for: without forks nothing can happen to an mm. */
export function lifeProperties(m: PvState): Property[] {
  const { comeAndGo, forks = 0 } = m.scene.bounds;
  return comeAndGo === true ? allOf(m).filter(({ kind }) => forks > 0 || kind === "always") : [];
}

function allOf(m: PvState): Property[] {
  const { linux, xen, regs, slots, l4Pool } = m;
  const { memory, mms, pages, percpu, top } = linux;
  const { vcpus, mms: nrMms, threads, forks = 0 } = m.scene.bounds;
  const firstChild = firstThread(m.scene.bounds) + threads - forks;
  const { pcpus, vcpus: v, frames } = xen;
  const l4s = l4Pool.frames;
  const rwWords = new Map(m.l3s.map((l3) => [l3, directMapWord(m.scene.machine, l3)]));

  const isFree = (l4: number): boolean => l4Pool.has[l4] !== 0 && pages.refcount[l4] === 0;
  const nobodyIsInXen = (): boolean => regs.inXen.every((inXen) => inXen === 0);
  const allRest = (): boolean => nobodyIsInXen() && regs.path.every((path) => path === PATH_NONE);

  return [
    {
      name: "noFreedL4IsLoaded",
      says: "no pCPU has an L4 in %cr3, and no vCPU in its base pointers, that Linux has freed",
      kind: "always",
      holds: () => {
        for (let vcpu = 0; vcpu < vcpus; vcpu++) {
          if (isFree(pcpus.guest_cr3[vcpu]!) || isFree(pcpus.xen_cr3[vcpu]!)) return false;
          if (isFree(v.guest_table[vcpu]!) || isFree(v.guest_table_user[vcpu]!)) return false;
        }
        return true;
      },
    },
    {
      name: "noFreedL4IsTyped",
      says: "no page that Linux has freed is an L4 of Xen's audit",
      kind: "always",
      holds: () => {
        for (const l4 of l4s) if (isFree(l4) && m.isAudited(l4)) return false;
        return true;
      },
    },
    {
      name: "noPairBeforeThePin",
      says: "an mm has pairs besides its reference only while the reference is pinned",
      kind: "always",
      holds: () => {
        for (let mm = INIT_MM + 1; mm <= nrMms; mm++) {
          const pgd = mms.pgd[mm]!;
          if (mms.used[mm] !== 0 && (pages.flags[pgd]! & PG_pinned) !== 0) continue;
          if (top instanceof PerThread && top.head[mm] !== 0) return false;
          if (!(top instanceof PerMmVcpu)) continue;
          for (let cpu = 0; cpu < vcpus; cpu++) if (top.pair_pgd[mm * vcpus + cpu] !== 0) return false;
        }
        return true;
      },
    },
    {
      name: "referenceIsMarkedPinned",
      says: "while nobody is in Xen, an mm's reference is marked as pinned if Xen has typed it, and just then its tables are read-only",
      kind: "always",
      holds: () => {
        if (!nobodyIsInXen()) return true;
        for (let mm = INIT_MM + 1; mm <= nrMms; mm++) {
          if (mms.used[mm] === 0) continue;
          const pgd = mms.pgd[mm]!;
          const isPinned = (pages.flags[pgd]! & PG_pinned) !== 0;
          if (isPinned !== m.isAudited(pgd)) return false;
          for (let slot = 0; slot < slots; slot++) {
            if ((memory.flags(pgd, slot) & _PAGE_PRESENT) === 0) continue;
            const isWritable = (memory.words[rwWords.get(memory.frame(pgd, slot))!]! & _PAGE_RW) !== 0;
            if (isPinned === isWritable) return false;
          }
        }
        return true;
      },
    },
    {
      name: "everyTypedL4IsListed",
      says: "while all CPUs are between two paths, every L4 that Xen has typed is one that a suspend finds",
      kind: "always",
      holds: () => {
        if (!allRest()) return true;
        const listed = pgd_list(linux);
        return l4s.every((l4) => frames.typeCount[l4] === 0 || !m.isAudited(l4) || listed.includes(l4));
      },
    },
    {
      name: "mmGoesWhileLoaded",
      says: "the last user of an mm exits while another CPU has it loaded, or has just left it",
      kind: "sometimes",
      holds: () => {
        for (let mm = INIT_MM + 1; mm <= nrMms; mm++) {
          if (mms.used[mm] === 0 || mms.mm_users[mm] !== 0 || mms.mm_count[mm]! < 2) continue;
          for (let vcpu = 0; vcpu < vcpus; vcpu++) {
            if (percpu.loaded_mm[vcpu] === mm || top.unlazy) return true;
          }
        }
        return false;
      },
    },
    {
      name: "childRuns",
      says: "a thread that fork has made in a row of its own runs in user mode",
      kind: "sometimes",
      holds: () => {
        for (let vcpu = 0; vcpu < vcpus; vcpu++)
          if (percpu.in_user[vcpu] !== 0 && percpu.current[vcpu]! >= firstChild) return true;
        return false;
      },
    },
  ];
}
