/**
 * A state in a reader's words: who runs where, what is loaded, what each top-level table has in each slot.
 *
 * A frame has the name of what it is, so that the same fact is the same string in two states.
 */
import { _PAGE_PRESENT } from "../../abi/page.js";
import type { Path } from "../../abi/path.js";
import { INIT_MM, NO_MM } from "../../linux-mm-model/mm-struct.js";
import { LOADED_MM_SWITCHING } from "../../linux-mm-model/percpu.js";
import { PerThread } from "../../linux-mm-model/top-level/per-thread.js";
import { idle_task } from "../../linux-mm-model/sched.js";
import { TYPE_NAMES } from "../../xen-model/frame-table.js";
import { firstThread } from "./bounds.js";
import type { PvState } from "./pv-state.js";

export function describeState(
  m: PvState,
  paths: readonly (Path<PvState> | undefined)[],
): ReadonlyMap<string, string> {
  const { linux, xen, regs, slots } = m;
  const { vcpus, mms } = m.scene.bounds;
  const facts = new Map<string, string>();
  for (let vcpu = 0; vcpu < vcpus; vcpu++) {
    const cpu = `CPU${vcpu}`;
    facts.set(`${cpu} runs`, taskName(m, vcpu, linux.percpu.current[vcpu]!));
    const loaded = linux.percpu.loaded_mm[vcpu]!;
    const lazy = linux.percpu.is_lazy[vcpu] !== 0 ? ", lazy" : "";
    facts.set(`${cpu} loaded_mm`, (loaded === LOADED_MM_SWITCHING ? "switching" : mmName(loaded)) + lazy);
    facts.set(`${cpu} %cr3 (guest)`, l4Name(m, xen.pcpus.guest_cr3[vcpu]!));
    facts.set(`${cpu} %cr3 (Xen)`, l4Name(m, xen.pcpus.xen_cr3[vcpu]!));
    const path = paths[regs.path[vcpu]!];
    facts.set(`${cpu} in`, path === undefined ? "" : `${path.name}${regs.inXen[vcpu] !== 0 ? ", Xen" : ""}`);
    for (let slot = 0; slot < slots; slot++)
      facts.set(`${cpu} caches slot ${slot}`, l3Name(m, regs.tlb[vcpu * slots + slot]!));
  }
  for (let mm = 1; mm <= mms; mm++) {
    if (linux.mms.used[mm] === 0) continue;
    const holder = linux.mms.page_table_lock[mm]!;
    facts.set(`${mmName(mm)} page_table_lock`, holder === 0 ? "" : `CPU${holder - 1}`);
    for (let slot = 0; slot < slots; slot++)
      facts.set(`${mmName(mm)} slot ${slot} VMA`, (regs.mapped[mm]! & (1 << slot)) !== 0 ? "mapped" : "");
  }
  for (const l4 of l4sOf(m)) {
    for (let slot = 0; slot < slots; slot++)
      facts.set(`${l4Name(m, l4)} slot ${slot}`, entryName(m, l4, slot));
  }
  for (let vcpu = 0; vcpu < vcpus; vcpu++) {
    const failed = linux.mc[vcpu]!.failed[0]!;
    if (failed > 0) facts.set(`CPU${vcpu} hypercalls failed`, String(failed));
  }
  return facts;
}

function taskName(m: PvState, vcpu: number, task: number): string {
  return task === idle_task(vcpu) ? "idle" : `thread ${task - firstThread(m.scene.bounds)}`;
}

function mmName(mm: number): string {
  return mm === INIT_MM ? "init_mm" : mm === NO_MM ? "none" : `mm ${mm}`;
}

/** All L4s of the guest and of Xen's that have slots, in a fixed order. */
export function l4sOf(m: PvState): number[] {
  const { linux, xen } = m;
  const found = new Set<number>();
  const add = (pgd: number): void => {
    found.add(pgd);
    if (linux.pages.private[pgd] !== 0) found.add(linux.pages.private[pgd]!);
  };
  for (let mm = 1; mm <= m.scene.bounds.mms; mm++) if (linux.mms.pgd[mm] !== 0) add(linux.mms.pgd[mm]!);
  linux.top.replicas(linux, add);
  for (let vcpu = 0; vcpu < m.scene.bounds.vcpus; vcpu++) {
    for (const root of [xen.vcpus.root[vcpu]!, xen.pcpus.root_pgt[vcpu]!]) if (root !== 0) found.add(root);
  }
  return [...found];
}

const namesOf = new WeakMap<PvState, Map<number, string>>();

/** Names of L4s: they stay what they are in a scene, unless L4s come and go. */
export function l4Name(m: PvState, l4: number): string {
  if (m.scene.bounds.comeAndGo === true) {
    const isFree = m.l4Pool.has[l4] !== 0 && m.linux.pages.refcount[l4] === 0;
    return isFree ? "a free page" : (nameL4s(m).get(l4) ?? `0x${l4.toString(16)}`);
  }
  let names = namesOf.get(m);
  if (names === undefined) {
    names = nameL4s(m);
    namesOf.set(m, names);
  }
  return names.get(l4) ?? `0x${l4.toString(16)}`;
}

function nameL4s(m: PvState): Map<number, string> {
  const { linux, xen, scene } = m;
  const names = new Map<number, string>();
  const pair = (pgd: number, name: string): void => {
    if (names.has(pgd)) return;
    names.set(pgd, `${name} kernel L4`);
    if (linux.pages.private[pgd] !== 0) names.set(linux.pages.private[pgd]!, `${name} user L4`);
  };
  names.set(linux.mms.pgd[INIT_MM]!, "swapper_pg_dir");
  const { vcpus, threads, mms } = scene.bounds;
  if (linux.top.loadsReference) for (let mm = 1; mm <= mms; mm++) pair(linux.mms.pgd[mm]!, mmName(mm));
  else for (let mm = 1; mm <= mms; mm++) names.set(linux.mms.pgd[mm]!, `${mmName(mm)} reference`);
  for (let cpu = 0; cpu < vcpus; cpu++) pair(linux.top.start_pgd(linux, cpu), `CPU${cpu}`);
  names.delete(0);
  for (let n = 0; n < threads; n++) {
    const task = firstThread(scene.bounds) + n;
    if (linux.tasks.pgd[task] !== 0) pair(linux.tasks.pgd[task]!, `thread ${n}`);
  }
  if (!linux.top.loadsReference) {
    for (let mm = 1; mm <= mms; mm++)
      for (let cpu = 0; cpu < vcpus; cpu++) {
        const pgd = replicaOf(m, cpu, mm);
        if (pgd !== 0)
          pair(
            pgd,
            linux.top instanceof PerThread ? `${mmName(mm)}'s first thread` : `${mmName(mm)} CPU${cpu}`,
          );
      }
  }
  for (let cpu = 0; cpu < vcpus; cpu++) {
    if (xen.vcpus.root[cpu] !== 0) names.set(xen.vcpus.root[cpu]!, `Xen's root of vCPU ${cpu}`);
    if (xen.pcpus.root_pgt[cpu] !== 0) names.set(xen.pcpus.root_pgt[cpu]!, `root_pgt of pCPU ${cpu}`);
  }
  return names;
}

/** The L4 that `cpu` would load for `mm`, whichever task runs, if the design knows one. */
function replicaOf(m: PvState, cpu: number, mm: number): number {
  try {
    return m.linux.top.pgd_of(m.linux, cpu, mm, -1);
  } catch {
    return 0;
  }
}

function entryName(m: PvState, l4: number, slot: number): string {
  const { memory } = m.linux;
  return (memory.flags(l4, slot) & _PAGE_PRESENT) === 0 ? "" : l3Name(m, memory.frame(l4, slot));
}

/** A table below an L4, by where its mm has it. */
function l3Name(m: PvState, l3: number): string {
  if (l3 === 0) return "";
  const { linux, xen, slots } = m;
  for (let mm = 1; mm <= m.scene.bounds.mms; mm++) {
    for (let slot = 0; slot < slots; slot++) {
      const pgd = linux.mms.pgd[mm]!;
      if (pgd === 0) continue;
      if ((linux.memory.flags(pgd, slot) & _PAGE_PRESENT) !== 0 && linux.memory.frame(pgd, slot) === l3)
        return `L3 of mm ${mm} slot ${slot}`;
    }
  }
  if (linux.pages.refcount[l3] === 0) return "a free page";
  return `an L3 of no slot (Xen: ${TYPE_NAMES[xen.frames.type[l3]!]})`;
}
