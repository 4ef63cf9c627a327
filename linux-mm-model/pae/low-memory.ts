/**
 * A 32-bit kernel's calls, at its own addresses: it has its low memory at 3 GiB, where the rest of the twin has the
 * direct map of 64 bits. Its base pointer is an L3.
 *
 * Mirrors: __PAGE_OFFSET of i386.
 */
import type { Rc } from "../../abi/errno.js";
import type { Vpn } from "../../abi/frames.js";
import { __HYPERVISOR_update_va_mapping, type CallBuffer } from "../../abi/hypercalls.js";
import type { Hypervisor } from "../../abi/hypervisor.js";
import { LINUX_DIRECT_MAP_VPN } from "../../abi/layout.js";
import type { EntryRun } from "../../abi/mmu-update.js";
import { INIT_MM } from "../mm-struct.js";
import { LOW_MEMORY_PAGE, type PaeTables } from "./pae-tables.js";

export class LowMemory implements Hypervisor {
  constructor(
    private readonly hv: Hypervisor,
    private readonly pae: PaeTables,
  ) {}

  hypercall(vcpu: number, calls: CallBuffer, row: number): Rc {
    relocate(calls, row);
    return this.hv.hypercall(vcpu, calls, row);
  }

  multicall(vcpu: number, calls: CallBuffer, count: number): Rc {
    for (let row = 0; row < count; row++) relocate(calls, row);
    return this.hv.multicall(vcpu, calls, count);
  }

  store(vcpu: number, page: Vpn, slot: number, frame: number, flags: number): Rc {
    return this.hv.store(vcpu, low(page), slot, frame, flags);
  }

  store_empty(vcpu: number, page: Vpn, first: number, end: number): boolean {
    return this.hv.store_empty !== undefined && this.hv.store_empty(vcpu, low(page), first, end);
  }

  flush_pages(vcpu: number, page: Vpn, n: number): boolean {
    return this.hv.flush_pages !== undefined && this.hv.flush_pages(vcpu, page, n);
  }

  update_l1es(vcpu: number, table: number, run: EntryRun, from: number, to: number, flags: number): boolean {
    return this.hv.update_l1es !== undefined && this.hv.update_l1es(vcpu, table, run, from, to, flags);
  }

  /** Every vCPU starts on init_mm's L3. */
  vcpu_initialise(vcpu: number): Rc {
    return this.hv.vcpu_initialise(vcpu, this.pae.l3[INIT_MM]!);
  }

  iret(vcpu: number, toUser: boolean): void {
    this.hv.iret(vcpu, toUser);
  }

  emulate_privop(vcpu: number): void {
    this.hv.emulate_privop(vcpu);
  }

  vcpu_up(vcpu: number): Rc {
    return this.hv.vcpu_up(vcpu);
  }

  vcpu_down(vcpu: number): Rc {
    return this.hv.vcpu_down(vcpu);
  }

  block(vcpu: number): void {
    this.hv.block(vcpu);
  }
}

function relocate(calls: CallBuffer, row: number): void {
  if (calls.op[row] === __HYPERVISOR_update_va_mapping) calls.va[row] = low(calls.va[row]!);
}

/** An address of the direct map, in 36 or 52 bits, as the 32-bit kernel has it. */
function low(page: number): Vpn {
  return (LOW_MEMORY_PAGE + ((page % 2 ** 36) - LINUX_DIRECT_MAP_VPN)) as Vpn;
}
