/**
 * What a kernel whose tables the processor walks itself tells the processor: the line between a hardware guest and the
 * machine, where a PV guest has hypercalls.
 *
 * Under EPT none of it leaves the guest: its CR3 is a guest-physical address, which Xen need not see.
 */
import type { VcpuId, Vpn } from "./frames.js";

export interface NativeProcessor {
  /** MOV to CR3: `frame` is the root, and what the TLB has of the old one is gone. */
  mov_to_cr3(vcpu: VcpuId, frame: number): void;
  /** INVLPG of one page. */
  invlpg(vcpu: VcpuId, page: Vpn): void;
}
