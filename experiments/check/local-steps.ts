/**
 * Steps that commute with all that the other vCPUs do, and that no property sees: partial-order reduction takes them first.
 *
 * There is one kind: Xen takes its references to an L4 that it is about to load, under an exclusive audit, where no other vCPU
 * has that L4 or can come to it. The counts of a pinned table only rise by it, and the audit that others ask about L4s of theirs
 * does not look at this one. Loading it is a step of its own, which others see.
 *
 * No other can come to it: it is the pair of the thread that the vCPU switches to, which nobody else can schedule meanwhile; or a table
 * that the design gives to this vCPU alone.
 */
import { __HYPERVISOR_mmuext_op } from "../../abi/hypercalls.js";
import { MMUEXT_NEW_BASEPTR, MMUEXT_NEW_USER_BASEPTR } from "../../abi/mmuext-op.js";
import { PGT_l4_page_table } from "../../xen-model/frame-table.js";
import type { PvState } from "./pv-state.js";
import { PATH_SWITCH } from "./registers.js";

/** In do_mmuext_op_path. */
const ONE_OP = 1;

export class LocalSteps {
  /** By frame: 1 + the vCPU that alone ever loads it, 0 for others. */
  private readonly vcpuOf: Uint8Array;

  constructor(private readonly m: PvState) {
    const { linux, scene } = m;
    const { bounds } = scene;
    const loaders = new Map<number, Set<number>>();
    for (let cpu = 0; cpu < bounds.vcpus; cpu++) {
      for (let mm = 0; mm <= bounds.mms; mm++) {
        for (const pgd of pgdsOf(m, cpu, mm)) {
          for (const l4 of [pgd, linux.pages.private[pgd]!])
            loaders.set(l4, (loaders.get(l4) ?? new Set()).add(cpu));
        }
      }
    }
    this.vcpuOf = new Uint8Array(m.xen.frames.nrFrames);
    for (const { frame } of scene.l4s) {
      const by = [...(loaders.get(frame) ?? [])];
      if (by.length === 1) this.vcpuOf[frame] = by[0]! + 1;
    }
  }

  /** See Model.local(). */
  isLocal(vcpu: number): boolean {
    const { xen, regs, linux } = this.m;
    const { exclusive, requests: r, vcpus, frames } = xen;
    if (exclusive === "off" || xen.config.flush === "owner" || !xen.rules.owner_with_type_ref) return false;
    if (regs.path[vcpu] !== PATH_SWITCH || regs.inXen[vcpu] === 0) return false;
    const { calls } = linux.mc[vcpu]!;
    const row = regs.row[vcpu]!;
    if (calls.op[row] !== __HYPERVISOR_mmuext_op) return false;
    const isBegun = regs.xenPc[vcpu] === ONE_OP;
    if (!isBegun && regs.xenPc[vcpu] !== 0) return false;
    if (vcpus.old_guest_table[vcpu] !== 0 || vcpus.claimed[vcpu] !== 0 || calls.first[row] === 0xffff)
      return false;
    const request = isBegun ? r.first[vcpu]! + r.i[vcpu]! : calls.first[row]!;
    const cmd = calls.mx_cmd[request]!;
    const mfn = calls.mx_mfn[request]!;
    const table = cmd === MMUEXT_NEW_BASEPTR ? vcpus.guest_table : vcpus.guest_table_user;
    if (cmd !== MMUEXT_NEW_BASEPTR && cmd !== MMUEXT_NEW_USER_BASEPTR) return false;
    if (mfn === 0 || table[vcpu] === mfn || vcpus.other_holder(vcpu, mfn) >= 0) return false;
    const isPinned =
      frames.is_pinned(mfn) && frames.is_validated(mfn) && frames.type[mfn] === PGT_l4_page_table;
    return isPinned && (this.vcpuOf[mfn] === vcpu + 1 || this.isOfNext(vcpu, mfn));
  }

  /** Is it the pair of the thread that the vCPU switches to? */
  private isOfNext(vcpu: number, mfn: number): boolean {
    const { tasks, regs } = this.m.linux;
    const next = regs.next_task[vcpu]!;
    return next >= 0 && tasks.pgd[next] !== 0 && (tasks.pgd[next] === mfn || tasks.user_pgd[next] === mfn);
  }
}

/** L4s that `cpu` may load for `mm`, whatever task runs. */
function pgdsOf(m: PvState, cpu: number, mm: number): number[] {
  const { linux } = m;
  if (mm !== 0 && linux.tasks.pgd.some((pgd) => pgd !== 0)) return []; // by thread
  return [linux.top.pgd_of(linux, cpu, mm, -1)];
}
