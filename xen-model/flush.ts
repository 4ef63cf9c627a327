/**
 * TLB flushes: on this pCPU, and on others by interrupt.
 *
 * Mirrors: flush_area_local(), flush_area_mask(), smp.c; the flush behind do_mmu_update() (facts/xen.md 1.8, 2, 3.4).
 * Differs: a flush interrupt is acted on at once; its sender's waiting is no event.
 */
import { EV } from "../abi/events.js";
import type { Xen } from "./xen.js";

/** All entries, here. */
export function flush_tlb_local(x: Xen, vcpu: number): void {
  const { ledger } = x;
  ledger.count(vcpu, EV.tlb_flush, 1);
  if (x.config.invpcid) ledger.count(vcpu, EV.invpcid_all, 1);
  else ledger.count(vcpu, EV.cr4_write, 2);
}

/** One page, here: in each of the domain's address spaces. */
export function flush_tlb_one_local(x: Xen, vcpu: number): void {
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
export function flush_tlb_one_mask(x: Xen, vcpu: number, mask: number): void {
  const self = 1 << x.vcpus.pcpu[vcpu]!;
  if ((mask & self) !== 0) flush_tlb_one_local(x, vcpu);
  interrupt_others(x, vcpu, mask & ~self, flush_tlb_one_local);
}

/**
 * pCPUs to flush when an entry of an L2+ table has changed: Xen's own linear mappings may be stale (XSA-286), so all of
 * the domain's. `l4` is the table if it is an L4, else 0: by the rule "owner", if one vCPU alone has it installed,
 * only that vCPU's pCPU.
 */
export function pt_update_mask(x: Xen, l4: number): number {
  const owner = l4 !== 0 && x.config.flush === "owner" ? x.only_holder(l4) : -1;
  return owner >= 0 ? 1 << x.vcpus.pcpu[owner]! : x.dirty_mask();
}

/** The flush behind do_mmu_update(), this pCPU first. `roots`: FLUSH_ROOT_PGTBL, the others' roots are stale too. */
export function flush_after_pt_update(x: Xen, vcpu: number, mask: number, roots: boolean): void {
  x.ledger.count(vcpu, EV.tlb_flush_domain, 1);
  const self = 1 << x.vcpus.pcpu[vcpu]!;
  if ((mask & self) !== 0) flush_tlb_local(x, vcpu);
  interrupt_others(x, vcpu, mask & ~self, roots ? flush_tlb_and_root : flush_tlb_local);
}

function flush_tlb_and_root(x: Xen, vcpu: number): void {
  x.root.flush_root_pgtbl(x, vcpu);
  flush_tlb_local(x, vcpu);
}

/** Send one interrupt to each pCPU of `mask`, and do there what it is for. */
function interrupt_others(x: Xen, vcpu: number, mask: number, act: (x: Xen, vcpu: number) => void): void {
  const { pcpus, vcpus, ledger } = x;
  for (let pcpu = 0; pcpu < pcpus.nrPcpus && mask >>> pcpu !== 0; pcpu++) {
    if (((mask >>> pcpu) & 1) === 0) continue;
    const other = pcpus.vcpu[pcpu]!;
    ledger.count(vcpu, EV.ipi_sent, 1);
    if (vcpus.blocked[other] !== 0) {
      ledger.count(other, EV.ipi_taken_idle, 1);
      act(x, other);
      continue;
    }
    ledger.count(other, EV.ipi_taken, 1);
    x.root.enter_from_guest(x, other);
    act(x, other);
    x.root.exit_to_guest(x, other);
  }
}

/** A frame's type changes, and so may its translations not stay. */
export function flush_type_change(_x: Xen, _vcpu: number): void {}
