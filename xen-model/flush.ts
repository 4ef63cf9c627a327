/**
 * TLB flushes: on this pCPU, and on others by interrupt.
 *
 * Mirrors: flush_area_local(), flush_area_mask(), smp.c; the flush behind do_mmu_update() (facts/xen.md 1.8, 2, 3.4).
 * Differs: a flush interrupt is acted on at once; its sender's waiting is no event. A shim may leave the flush at a change
 *          of type to the Xen below even if the old type was a table (FLUSH_NO_ASSIST).
 */
import {
  cpumask_clear,
  cpumask_clear_cpu,
  cpumask_first,
  cpumask_set_cpu,
  cpumask_test_cpu,
} from "../abi/cpumask.js";
import { EV } from "../abi/events.js";
import { vpn_of_linear } from "../abi/frames.js";
import type { CallBuffer } from "../abi/hypercalls.js";
import { vcpumask_test } from "../abi/mmuext-op.js";
import { AGAIN, DONE, NEXT, step } from "../abi/path.js";
import { is_canonical } from "./guest-access.js";
import { exit_to_guest, lost_all } from "./refill.js";
import { ROOT_LOCAL, ROOT_OTHERS, stale_roots } from "./root/l4-uses.js";
import type { Xen } from "./xen.js";

/** The pCPUs that may have tables of the domain loaded, in scratch_cpumask. Mirrors: dirty_cpumask. */
export function dirty_mask({ pcpus, scratch_cpumask }: Xen): Uint32Array {
  cpumask_clear(scratch_cpumask, 0, scratch_cpumask.length);
  for (let pcpu = 0; pcpu < pcpus.nrPcpus; pcpu++)
    if (pcpus.dirty[pcpu] !== 0) cpumask_set_cpu(pcpu, scratch_cpumask);
  return scratch_cpumask;
}

/**
 * pCPUs on which the vCPUs of a bitmap are loaded, in scratch_cpumask: that of op `request`, or one of vCPUs 0 to 31.
 * Mirrors: vcpumask_to_pcpumask().
 */
export function pcpus_of_op(x: Xen, calls: CallBuffer, request: number): Uint32Array {
  const { vcpus, scratch_cpumask } = x;
  cpumask_clear(scratch_cpumask, 0, scratch_cpumask.length);
  for (let vcpu = 0; vcpu < vcpus.nrVcpus; vcpu++)
    if (vcpumask_test(calls, request, vcpu)) add_pcpu_of(x, vcpu);
  return scratch_cpumask;
}

export function pcpus_of(x: Xen, vcpuMask: number): Uint32Array {
  const { vcpus, scratch_cpumask } = x;
  cpumask_clear(scratch_cpumask, 0, scratch_cpumask.length);
  const end = Math.min(vcpus.nrVcpus, 32);
  for (let vcpu = 0; vcpu < end; vcpu++) if (((vcpuMask >>> vcpu) & 1) !== 0) add_pcpu_of(x, vcpu);
  return scratch_cpumask;
}

function add_pcpu_of({ vcpus, pcpus, scratch_cpumask }: Xen, vcpu: number): void {
  const pcpu = vcpus.pcpu[vcpu]!;
  if (vcpus.up[vcpu] !== 0 && pcpus.dirty[pcpu] !== 0) cpumask_set_cpu(pcpu, scratch_cpumask);
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
  const { pcpus, frames, scratch_cpumask } = x;
  const lastUse = frames.tlbflush_timestamp[mfn]!;
  const hasClock = x.config.lower === undefined;
  if (lastUse === 0 && hasClock) return; // never used; who is dirty was flushed when it loaded its tables
  let stale = false;
  cpumask_clear(scratch_cpumask, 0, scratch_cpumask.length);
  for (let pcpu = 0; pcpu < pcpus.nrPcpus; pcpu++) {
    if (pcpus.dirty[pcpu] === 0) continue;
    if (hasClock && pcpus.tlbflush_time[pcpu]! > lastUse) continue;
    cpumask_set_cpu(pcpu, scratch_cpumask);
    stale = true;
  }
  if (stale) flush_tlb_mask(x, vcpu, scratch_cpumask);
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
export function flush_tlb_mask(x: Xen, vcpu: number, mask: Uint32Array): void {
  if (cpumask_test_cpu(x.vcpus.pcpu[vcpu]!, mask)) flush_tlb_local(x, vcpu);
  interrupt_others(x, vcpu, mask, flush_tlb_local);
}

/** One page on the pCPUs of `mask`. */
export function flush_tlb_one_mask(x: Xen, vcpu: number, mask: Uint32Array, page: number): void {
  if (cpumask_test_cpu(x.vcpus.pcpu[vcpu]!, mask)) flush_tlb_one_local(x, vcpu, page);
  interrupt_others(x, vcpu, mask, flush_tlb_one_local, page);
}

/**
 * Add to requests.pcpus whom to flush when an entry of an L2+ table has changed: Xen's own linear mappings may be stale (XSA-286), so all of
 * the domain's. `l4` is the table if it is an L4, else 0: by the rule "owner", if one vCPU alone has it installed,
 * only that vCPU's pCPU.
 *
 * Linear translations by an L4 are where it is in %cr3, and go when another one is loaded; a blocked vCPU's is still
 * loaded. So the owner's pCPU has all there are, and the vCPU that makes the edit none, unless it is the owner. Of an
 * L4 that nobody has installed this would say "nobody"; all are flushed nevertheless, as today, since leaving
 * free-floating tables out went wrong before (edcfce5591, reverted by cb199cc7de).
 */
export function add_pt_update(x: Xen, vcpu: number, l4: number): void {
  const { vcpus, pcpus, requests } = x;
  const owner = l4 !== 0 && x.config.flush === "owner" ? only_holder(x, vcpu, l4) : -1;
  const first = owner >= 0 ? vcpus.pcpu[owner]! : 0;
  const end = owner >= 0 ? first + 1 : pcpus.nrPcpus;
  for (let pcpu = first; pcpu < end; pcpu++)
    if (pcpus.dirty[pcpu] !== 0) cpumask_set_cpu(pcpu, requests.pcpus, vcpu * requests.words);
}

/** VcpuTable.only_holder(), but nobody else is asked where `vcpu` has `l4` and no use is left that could be another's. */
export function only_holder(x: Xen, vcpu: number, l4: number): number {
  const alone = x.vcpus.has_installed(vcpu, l4) && (stale_roots(x, vcpu, l4) & ROOT_OTHERS) === 0;
  return alone ? vcpu : x.vcpus.only_holder(l4);
}

/**
 * The flush behind do_mmu_update(): this pCPU first, then the others, each when it takes its interrupt. requests.pcpus is
 * whom; requests.roots: whose roots are stale too (ROOT_*), so FLUSH_ROOT_PGTBL.
 */
export const flush_after_pt_update_steps = [
  step<Xen>("flush_area_local", flush_area_local),
  step<Xen>("flush_area_mask", flush_area_mask),
];

/** The steps as runPath() does them, by name. */
export function flush_after_pt_update(x: Xen, vcpu: number): void {
  if (flush_area_local(x, vcpu) === NEXT) while (flush_area_mask(x, vcpu) === AGAIN);
}

/**
 * flush_after_pt_update() so many times, with nothing in between that could fill a TLB: the last leaves what they all leave, but for
 * the counts and the clock.
 */
export function flush_after_pt_updates(x: Xen, vcpu: number, often: number): void {
  const { ledger, vcpus, pcpus, requests } = x;
  const { times } = ledger;
  const self = vcpus.pcpu[vcpu]!;
  const { tlbflush_clock } = pcpus;
  for (let pcpu = 0; pcpu < pcpus.nrPcpus; pcpu++) {
    if (!cpumask_test_cpu(pcpu, requests.pcpus, vcpu * requests.words)) continue;
    if (pcpu === self || pcpus.vcpu[pcpu]! >= 0) tlbflush_clock[0] = tlbflush_clock[0]! + often - 1;
  }
  ledger.times = often * times;
  flush_after_pt_update(x, vcpu);
  ledger.times = times;
}

function flush_area_local(x: Xen, vcpu: number): number {
  x.ledger.count(vcpu, EV.tlb_flush_domain, 1);
  const self = x.vcpus.pcpu[vcpu]!;
  const { pcpus, words, roots } = x.requests;
  const at = vcpu * words;
  if (cpumask_test_cpu(self, pcpus, at))
    ((roots[vcpu]! & ROOT_LOCAL) !== 0 ? flush_tlb_and_root : flush_tlb_local)(x, vcpu);
  cpumask_clear_cpu(self, pcpus, at);
  return cpumask_first(pcpus, at, words) < 0 ? DONE : NEXT;
}

function flush_area_mask(x: Xen, vcpu: number): number {
  const { pcpus, words, roots } = x.requests;
  const at = vcpu * words;
  const others = (roots[vcpu]! & ROOT_OTHERS) !== 0;
  if (x.config.lower !== undefined && !others) {
    assisted_flush(x, vcpu);
    x.requests.forget_pcpus(vcpu);
    return DONE;
  }
  const pcpu = cpumask_first(pcpus, at, words);
  interrupt_pcpu(x, vcpu, pcpu, others ? flush_tlb_and_root : flush_tlb_local, 0);
  cpumask_clear_cpu(pcpu, pcpus, at);
  return cpumask_first(pcpus, at, words) < 0 ? DONE : AGAIN;
}

function flush_tlb_and_root(x: Xen, vcpu: number): void {
  x.root.flush_root_pgtbl(x, vcpu);
  flush_tlb_local(x, vcpu);
}

/** What a shim leaves to the Xen below it: pure TLB flushes. With FLUSH_ROOT_PGTBL it sends interrupts. */
const ASSISTED = new Set<unknown>([flush_tlb_local, flush_tlb_one_local]);

type Act = (x: Xen, vcpu: number, page: number) => void;

/** Send one interrupt to each pCPU of `mask` but this one, and do there what it is for. */
function interrupt_others(x: Xen, vcpu: number, mask: Uint32Array, act: Act, page = 0): void {
  const self = x.vcpus.pcpu[vcpu]!;
  const assisted = x.config.lower !== undefined && ASSISTED.has(act);
  for (let word = 0; word < mask.length; word++) {
    for (let rest = mask[word]!; rest !== 0; rest &= rest - 1) {
      const pcpu = 32 * word + 31 - Math.clz32(rest & -rest);
      if (pcpu === self) continue;
      if (!assisted) interrupt_pcpu(x, vcpu, pcpu, act, page);
      else if (x.pcpus.dirty[pcpu] !== 0) return assisted_flush(x, vcpu);
    }
  }
}

/** The Xen below flushes all vCPUs of the shim in one call. */
function assisted_flush(x: Xen, vcpu: number): void {
  x.config.lower!.flush_tlbs(vcpu);
  for (let other = 0; other < x.vcpus.nrVcpus; other++) if (other !== vcpu) lost_all(x, other);
}

function interrupt_pcpu(x: Xen, vcpu: number, pcpu: number, act: Act, page: number): void {
  const { pcpus, vcpus, ledger } = x;
  const other = pcpus.vcpu[pcpu]!;
  if (other < 0) return; // nothing of the guest's there, and nobody to count it for
  ledger.count(vcpu, EV.ipi_sent, 1);
  x.config.lower?.send_ipi(vcpu, other);
  if (vcpus.blocked[other] !== 0) {
    ledger.count(other, EV.ipi_taken_idle, 1);
    act(x, other, page);
    return;
  }
  ledger.count(other, EV.ipi_taken, 1);
  x.root.enter_from_guest(x, other);
  act(x, other, page);
  exit_to_guest(x, other);
}

/**
 * Write the caches of all other pCPUs back: MMUEXT_FLUSH_CACHE_GLOBAL, and in master MMUEXT_FLUSH_CACHE too, as nobody
 * knows where the vCPU has run before (facts/xen.md 1.12).
 *
 * Differs: each pCPU is a core; WBINVD is no event.
 */
export function flush_cache_others(x: Xen, vcpu: number): void {
  const { pcpus, scratch_cpumask } = x;
  cpumask_clear(scratch_cpumask, 0, scratch_cpumask.length);
  for (let pcpu = 0; pcpu < pcpus.nrPcpus; pcpu++) cpumask_set_cpu(pcpu, scratch_cpumask);
  interrupt_others(x, vcpu, scratch_cpumask, () => undefined);
}
