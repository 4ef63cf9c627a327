/**
 * A Xen that audits nothing: applies what it is asked for to the tables, and keeps a log of the calls.
 *
 * It refuses what a real one would notice first: a store to a page that the direct map has read-only and that is
 * no L1 table, and making a table writable while an L4 still refers to it.
 */
import type { Rc } from "../../abi/errno.js";
import { EFAULT, EINVAL } from "../../abi/errno.js";
import {
  __HYPERVISOR_mmu_update,
  __HYPERVISOR_mmuext_op,
  __HYPERVISOR_update_va_mapping,
  HYPERCALL_NAMES,
  type CallBuffer,
} from "../../abi/hypercalls.js";
import type { Hypervisor } from "../../abi/hypervisor.js";
import { LINUX_DIRECT_MAP_VPN } from "../../abi/layout.js";
import type { PtMemory } from "../../abi/memory.js";
import {
  MMUEXT_NEW_BASEPTR,
  MMUEXT_PIN_L1_TABLE,
  MMUEXT_PIN_L4_TABLE,
  MMUEXT_UNPIN_TABLE,
} from "../../abi/mmuext-op.js";
import { _PAGE_RW, pt_slot } from "../../abi/page.js";

export interface LoggedCall {
  readonly vcpu: number;
  readonly name: string;
  readonly inMulticall: boolean;
  /** mmu_update, mmuext_op: requests; otherwise 1. */
  readonly items: number;
  /** mmuext_op: the commands; mmu_update: the tables. */
  readonly detail: readonly number[];
}

export class RecordingHypervisor implements Hypervisor {
  readonly log: LoggedCall[] = [];
  readonly multicalls: number[] = [];
  /** Kernel-mode L4 of each vCPU. */
  readonly cr3: number[] = [];
  readonly pinnedL1 = new Set<number>();
  readonly pinnedL4 = new Set<number>();
  readonly blocked: number[] = [];
  /** vCPUs that read GS's base. */
  readonly privops: number[] = [];
  ptwr = 0;
  refused = 0;

  constructor(private readonly memory: PtMemory) {}

  clear(): void {
    this.log.length = 0;
    this.multicalls.length = 0;
    this.privops.length = 0;
    this.ptwr = 0;
  }

  hypercall(vcpu: number, calls: CallBuffer, row: number): Rc {
    return this.run(vcpu, calls, row, false);
  }

  multicall(vcpu: number, calls: CallBuffer, count: number): Rc {
    this.multicalls.push(count);
    for (let row = 0; row < count; row++) this.run(vcpu, calls, row, true);
    return 0;
  }

  iret(): void {}

  emulate_privop(vcpu: number): void {
    this.privops.push(vcpu);
  }

  vcpu_initialise(vcpu: number, cr3: number): Rc {
    this.cr3[vcpu] = cr3;
    return 0;
  }

  vcpu_up(): Rc {
    return 0;
  }

  vcpu_down(): Rc {
    return 0;
  }

  block(vcpu: number): void {
    this.blocked.push(vcpu);
  }

  store(vcpu: number, page: number, slot: number, frame: number, flags: number): Rc {
    const table = page - LINUX_DIRECT_MAP_VPN;
    if (!this.writable(vcpu, table)) {
      if (!this.pinnedL1.has(table)) {
        this.refused++;
        return -EFAULT;
      }
      this.ptwr++;
    }
    this.memory.set(table, slot, frame, flags);
    return 0;
  }

  /** Does the direct map let the guest write `pfn`? */
  writable(vcpu: number, pfn: number): boolean {
    const l1 = this.l1_of(vcpu, LINUX_DIRECT_MAP_VPN + pfn);
    return (this.memory.flags(l1, pt_slot((LINUX_DIRECT_MAP_VPN + pfn) as never, 1)) & _PAGE_RW) !== 0;
  }

  private run(vcpu: number, calls: CallBuffer, row: number, inMulticall: boolean): Rc {
    const op = calls.op[row]!;
    const first = calls.first[row]!;
    const items = op === __HYPERVISOR_mmu_update || op === __HYPERVISOR_mmuext_op ? calls.count[row]! : 1;
    const detail: number[] = [];
    calls.rc[row] = 0;
    for (let i = first; i < first + items; i++) {
      if (op === __HYPERVISOR_mmu_update) {
        detail.push(calls.mu_table[i]!);
        this.memory.set(calls.mu_table[i]!, calls.mu_slot[i]!, calls.mu_frame[i]!, calls.mu_flags[i]!);
      } else if (op === __HYPERVISOR_mmuext_op) {
        detail.push(calls.mx_cmd[i]!);
        this.mmuext_op(vcpu, calls.mx_cmd[i]!, calls.mx_mfn[i]!);
      }
    }
    if (op === __HYPERVISOR_update_va_mapping) calls.rc[row] = this.update_va_mapping(vcpu, calls, row);
    this.log.push({ vcpu, name: HYPERCALL_NAMES[op]!, inMulticall, items, detail });
    return calls.rc[row]!;
  }

  private mmuext_op(vcpu: number, cmd: number, mfn: number): void {
    if (cmd === MMUEXT_NEW_BASEPTR) this.cr3[vcpu] = mfn;
    if (cmd === MMUEXT_PIN_L1_TABLE) this.pinnedL1.add(mfn);
    if (cmd === MMUEXT_PIN_L4_TABLE) this.pinnedL4.add(mfn);
    if (cmd === MMUEXT_UNPIN_TABLE) {
      this.pinnedL1.delete(mfn);
      this.pinnedL4.delete(mfn);
    }
  }

  private update_va_mapping(vcpu: number, calls: CallBuffer, row: number): Rc {
    const va = calls.va[row]!;
    const frame = calls.frame[row]!;
    if ((calls.flags[row]! & _PAGE_RW) !== 0 && this.typed(frame)) {
      this.refused++;
      return -EINVAL;
    }
    this.memory.set(this.l1_of(vcpu, va), pt_slot(va as never, 1), frame, calls.flags[row]!);
    return 0;
  }

  /** Is `frame` a pinned L4, in %cr3, or hooked into a pinned L4? */
  private typed(frame: number): boolean {
    if (this.pinnedL4.has(frame) || this.cr3.includes(frame)) return true;
    for (const l4 of this.pinnedL4) {
      for (let slot = 0; slot < 256; slot++) {
        if (this.memory.frame(l4, slot) === frame && this.memory.flags(l4, slot) !== 0) return true;
      }
    }
    return false;
  }

  private l1_of(vcpu: number, va: number): number {
    let table = this.cr3[vcpu]!;
    for (let level = 4; level > 1; level--) table = this.memory.frame(table, pt_slot(va as never, level));
    return table;
  }
}
