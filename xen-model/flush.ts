/**
 * TLB flushes: on this pCPU, and on others by interrupt.
 *
 * Mirrors: flush_area_local(), flush_area_mask(), smp.c; the flush behind do_mmu_update() (facts/xen.md 1.8, 2, 3.4).
 * Differs: a flush interrupt is acted on at once; its sender's waiting is no event. A shim may leave the flush at a change
 *          of type to the Xen below even if the old type was a table (FLUSH_NO_ASSIST).
 */
import { EV } from "../abi/events.js";
import { vpn_of_linear } from "../abi/frames.js";
import { AGAIN, DONE, NEXT, step } from "../abi/path.js";
import { is_canonical } from "./guest-access.js";
import { exit_to_guest, lost_all } from "./refill.js";
import { ROOT_LOCAL, ROOT_OTHERS } from "./root/l4-uses.js";
import type { Xen } from "./xen.js";

/** Bitmap of the pCPUs that may have tables of the domain loaded. Mirrors: dirty_cpumask. */
export function dirty_mask({ pcpus }: Xen): number {
  let mask = 0;
  for (let pcpu = 0; pcpu < pcpus.nrPcpus; pcpu++) if (pcpus.dirty[pcpu] !== 0) mask |= 1 << pcpu;
  return mask;
}

/** pCPUs on which the vCPUs of a bitmap are loaded. Mirrors: vcpumask_to_pcpumask(). */
export function pcpus_of(x: Xen, vcpuMask: number): number {
  let mask = 0;
  const { vcpus } = x;
  for (let vcpu = 0; vcpu < vcpus.nrVcpus; vcpu++) {
    if (((vcpuMask >>> vcpu) & 1) !== 0 && vcpus.up[vcpu] !== 0) mask |= 1 << vcpus.pcpu[vcpu]!;
  }
  return mask & dirty_mask(x);
}

/** All entries, here. */
export function flush_tlb_local(x: Xen, vcpu: number): void {
  const { ledger } = x;
  x.tlb?.mov_to_cr4(x.vcpus.pcpu[vcpu]!);
  tick(x, vcpu);
  ledger.count(vcpu, EV.tlb_flush, 1);
  if (x.config.invpcid) ledger.count(vcpu, EV.invpcid_all, 1);
  else if (x.pge) ledger.count(vcpu, EV.cr4_write, 2);
  else ledger.count(vcpu, EV.cr3_write, 1);
}

/** The pCPU of `vcpu` has no entry left: one more full flush. Mirrors: pre_flush(), post_flush(), flushtlb.c. */
export function tick(x: Xen, vcpu: number): void {
  lost_all(x, vcpu);
  const { tlbflush_time, tlbflush_clock } = x.pcpus;
  tlbflush_time[x.vcpus.pcpu[vcpu]!] = ++tlbflush_clock[0]!;
}

/** The last use of `mfn` under its type has ended. Mirrors: set_tlbflush_timestamp(). */
export function stamp(x: Xen, mfn: number): void {
  x.frames.tlbflush_timestamp[mfn] = x.pcpus.tlbflush_clock[0]!;
}

/**
 * The type of frame `mfn` changes: no pCPU of the domain's may keep translations of its old use, a writable one of
 * what is a table now. Those that were flushed since that use ended have none.
 *
 * Mirrors: the flush in _get_page_type(), tlbflush_filter(), NEED_FLUSH(), asm/flushtlb.h. A shim has no clock, as
 *          hypervisor_setup() switches it off where the Xen below flushes (guest/hypervisor.c): it flushes all.
 */
export function flush_type_change(x: Xen, vcpu: number, mfn: number): void {
  const { pcpus, frames } = x;
  const lastUse = frames.tlbflush_timestamp[mfn]!;
  let mask = 0;
  for (let pcpu = 0; pcpu < pcpus.nrPcpus; pcpu++) {
    if (pcpus.dirty[pcpu] === 0) continue;
    if (x.config.lower !== undefined || pcpus.tlbflush_time[pcpu]! <= lastUse) mask |= 1 << pcpu;
  }
  if (mask !== 0) flush_tlb_mask(x, vcpu, mask);
}

/**
 * One page (52 bits of its address), here: in each of the domain's address spaces. It has to be canonical: INVPCID
 * raises #GP for others, in Xen (XSA-279).
 */
export function flush_tlb_one_local(x: Xen, vcpu: number, page: number): void {
  if (!is_canonical(page)) x.observed.note_host_fault();
  x.tlb?.invlpg(x.vcpus.pcpu[vcpu]!, 0, vpn_of_linear(page));
  if (x.root.pcid) x.ledger.count(vcpu, EV.invpcid_one, 4);
  else x.ledger.count(vcpu, EV.invlpg, 1);
}

/** All entries on the pCPUs of `mask`. */
export function flush_tlb_mask(x: Xen, vcpu: number, mask: number): void {
  const self = 1 << x.vcpus.pcpu[vcpu]!;
  if ((mask & self) !== 0) flush_tlb_local(x, vcpu);
  interrupt_others(x, vcpu, mask & ~self, flush_tlb_local);
}

/** One page on the pCPUs of `mask`. */
export function flush_tlb_one_mask(x: Xen, vcpu: number, mask: number, page: number): void {
  const self = 1 << x.vcpus.pcpu[vcpu]!;
  if ((mask & self) !== 0) flush_tlb_one_local(x, vcpu, page);
  interrupt_others(x, vcpu, mask & ~self, flush_tlb_one_local, page);
}

/**
 * pCPUs to flush when an entry of an L2+ table has changed: Xen's own linear mappings may be stale (XSA-286), so all of
 * the domain's. `l4` is the table if it is an L4, else 0: by the rule "owner", if one vCPU alone has it installed,
 * only that vCPU's pCPU.
 *
 * Linear translations by an L4 are where it is in %cr3, and go when another one is loaded; a blocked vCPU's is still
 * loaded. So the owner's pCPU has all there are, and the vCPU that makes the edit none, unless it is the owner. Of an
 * L4 that nobody has installed this would say "nobody"; all are flushed nevertheless, as today, since leaving
 * free-floating tables out went wrong before (edcfce5591, reverted by cb199cc7de).
 */
export function pt_update_mask(x: Xen, l4: number): number {
  const owner = l4 !== 0 && x.config.flush === "owner" ? x.vcpus.only_holder(l4) : -1;
  return owner >= 0 ? dirty_mask(x) & (1 << x.vcpus.pcpu[owner]!) : dirty_mask(x);
}

/**
 * The flush behind do_mmu_update(): this pCPU first, then the others, each when it takes its interrupt. requests.pcpus is
 * whom; requests.roots: whose roots are stale too (ROOT_*), so FLUSH_ROOT_PGTBL.
 */
export const flush_after_pt_update_steps = [
  step<Xen>("flush_area_local", (x, vcpu) => {
    x.ledger.count(vcpu, EV.tlb_flush_domain, 1);
    const self = 1 << x.vcpus.pcpu[vcpu]!;
    const { pcpus, roots } = x.requests;
    if ((pcpus[vcpu]! & self) !== 0)
      ((roots[vcpu]! & ROOT_LOCAL) !== 0 ? flush_tlb_and_root : flush_tlb_local)(x, vcpu);
    pcpus[vcpu]! &= ~self;
    return pcpus[vcpu] === 0 ? DONE : NEXT;
  }),
  step<Xen>("flush_area_mask", (x, vcpu) => {
    const { pcpus, roots } = x.requests;
    const mask = pcpus[vcpu]!;
    const first = mask & -mask;
    interrupt_others(
      x,
      vcpu,
      first,
      (roots[vcpu]! & ROOT_OTHERS) !== 0 ? flush_tlb_and_root : flush_tlb_local,
    );
    pcpus[vcpu] = mask & ~first;
    return pcpus[vcpu] === 0 ? DONE : AGAIN;
  }),
];

function flush_tlb_and_root(x: Xen, vcpu: number): void {
  x.root.flush_root_pgtbl(x, vcpu);
  flush_tlb_local(x, vcpu);
}

/** What a shim leaves to the Xen below it: pure TLB flushes. With FLUSH_ROOT_PGTBL it sends interrupts. */
const ASSISTED = new Set<unknown>([flush_tlb_local, flush_tlb_one_local]);

/** Send one interrupt to each pCPU of `mask`, and do there what it is for. */
function interrupt_others(
  x: Xen,
  vcpu: number,
  mask: number,
  act: (x: Xen, vcpu: number, page: number) => void,
  page = 0,
): void {
  const { pcpus, vcpus, ledger } = x;
  const { lower } = x.config;
  if (lower !== undefined && ASSISTED.has(act)) {
    if ((mask & dirty_mask(x)) === 0) return;
    lower.flush_tlbs(vcpu);
    for (let other = 0; other < vcpus.nrVcpus; other++) if (other !== vcpu) lost_all(x, other);
    return;
  }
  for (let pcpu = 0; pcpu < pcpus.nrPcpus && mask >>> pcpu !== 0; pcpu++) {
    if (((mask >>> pcpu) & 1) === 0) continue;
    const other = pcpus.vcpu[pcpu]!;
    if (other < 0) continue; // nothing of the guest's there, and nobody to count it for
    ledger.count(vcpu, EV.ipi_sent, 1);
    lower?.send_ipi(vcpu, other);
    if (vcpus.blocked[other] !== 0) {
      ledger.count(other, EV.ipi_taken_idle, 1);
      act(x, other, page);
      continue;
    }
    ledger.count(other, EV.ipi_taken, 1);
    x.root.enter_from_guest(x, other);
    act(x, other, page);
    exit_to_guest(x, other);
  }
}

/**
 * Write the caches of all other pCPUs back: MMUEXT_FLUSH_CACHE_GLOBAL, and in master MMUEXT_FLUSH_CACHE too, as nobody
 * knows where the vCPU has run before (facts/xen.md 1.12).
 *
 * Differs: each pCPU is a core; WBINVD is no event.
 */
export function flush_cache_others(x: Xen, vcpu: number): void {
  const all = (1 << x.pcpus.nrPcpus) - 1;
  interrupt_others(x, vcpu, all & ~(1 << x.vcpus.pcpu[vcpu]!), () => undefined);
}
