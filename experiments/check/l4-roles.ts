/**
 * The L4s of a scene, by what each is for: whose it is tells which takes its place where vCPUs, threads and mms are exchanged.
 */
import type { Machine } from "../../machine/machine.js";
import { INIT_MM } from "../../linux-mm-model/mm-struct.js";
import { PerMmVcpu } from "../../linux-mm-model/top-level/per-mm-vcpu.js";
import type { Renaming } from "./renaming.js";
import { type Bounds, firstThread } from "./bounds.js";

export interface L4 {
  readonly frame: number;
  /** What it is; and whose, as far as that says it: -1 for nobody's. */
  readonly what: string;
  readonly mm: number;
  readonly task: number;
  readonly vcpu: number;
}

/** All L4s that can be loaded, or have user slots: Linux's and Xen's. */
export function l4sOfScene(machine: Machine, bounds: Bounds): readonly L4[] {
  const { linux, xen } = machine;
  const { mms, tasks, top, pages } = linux;
  const found = new Map<number, L4>();
  const add = (frame: number, what: string, mm = -1, task = -1, vcpu = -1): void => {
    if (frame !== 0 && !found.has(frame)) found.set(frame, { frame, what, mm, task, vcpu });
  };
  const pair = (pgd: number, what: string, mm = -1, task = -1, vcpu = -1): void => {
    add(pgd, what, mm, task, vcpu);
    if (pgd !== 0) add(pages.private[pgd]!, `user ${what}`, mm, task, vcpu);
  };
  const cpus = Array.from({ length: bounds.vcpus }, (_, cpu) => cpu);
  const starts = cpus.map((cpu) => top.start_pgd(linux, cpu));
  if (new Set(starts).size === starts.length) starts.forEach((pgd, cpu) => pair(pgd, "start", -1, -1, cpu));
  pair(mms.pgd[INIT_MM]!, "init_mm");
  for (let mm = INIT_MM + 1; mm < mms.max; mm++) {
    if (mms.used[mm] === 0) continue;
    pair(mms.pgd[mm]!, "reference", mm);
    if (top instanceof PerMmVcpu)
      for (const cpu of cpus) pair(top.pgd_of(linux, cpu, mm), "pair", mm, -1, cpu);
  }
  for (let n = 0; n < bounds.threads; n++) {
    const task = firstThread(bounds) + n;
    pair(tasks.pgd[task]!, "pair", -1, task);
  }
  for (const cpu of cpus) {
    add(xen.vcpus.root[cpu]!, "root", -1, -1, cpu);
    add(xen.pcpus.root_pgt[cpu]!, "root_pgt", -1, -1, cpu);
    add(xen.pcpus.idle_l4[cpu]!, "idle_l4", -1, -1, cpu);
  }
  top.replicas(linux, (pgd) => pair(pgd, `0x${pgd.toString(16)}`));
  return [...found.values()];
}

/** The L4 that has the place of `l4` under `renaming`. */
export function rename(l4s: readonly L4[], l4: L4, { vcpus, mms, tasks }: Renaming): number {
  const mm = l4.mm < 0 ? -1 : mms[l4.mm - 1]!;
  const task = l4.task < 0 ? -1 : tasks[l4.task]!;
  const vcpu = l4.vcpu < 0 ? -1 : vcpus[l4.vcpu]!;
  const other = l4s.find(
    (one) => one.what === l4.what && one.mm === mm && one.task === task && one.vcpu === vcpu,
  );
  if (other === undefined)
    throw new RangeError(`rename: no L4 has the place of ${l4.what}; see l4sOfScene()`);
  return other.frame;
}

/** References to L4s that installations are not, by frame: pins, and what boot left. */
export function countsAtRest(
  { xen }: Machine,
  l4s: readonly L4[],
): ReadonlyMap<number, { type: number; general: number }> {
  const { frames, vcpus } = xen;
  const uses = (l4: number): number =>
    [...vcpus.guest_table, ...vcpus.guest_table_user].filter((table) => table === l4).length;
  return new Map(
    l4s.map(({ frame }) => {
      const n = uses(frame);
      return [frame, { type: frames.typeCount[frame]! - n, general: frames.count[frame]! - n }];
    }),
  );
}
