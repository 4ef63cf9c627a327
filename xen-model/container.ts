/**
 * What a guest runs in, as the machine sees it: a PV domain (xen.ts), a hardware guest (hvm.ts), a PV domain of a Xen that
 * is a hardware guest itself (shim/).
 */
import type { Vpn } from "../abi/frames.js";
import type { Hypervisor } from "../abi/hypervisor.js";
import type { NativeProcessor } from "../abi/native-processor.js";
import type { Guest } from "../abi/upcalls.js";
import type { Access } from "./hw/control.js";

/** Nothing was done; the fault was, and the access is to be tried again; it has succeeded. */
export const TOUCH_PLAIN = 0;
export const TOUCH_FAULTED = 1;
export const TOUCH_DONE = 2;

export interface Container {
  /** What the guest's kernel calls, and what it tells the processor where that is its own. */
  readonly hypervisor: Hypervisor;
  readonly native?: NativeProcessor;
  attach(guest: Guest): void;
  init(): void;

  /** User mode of `vcpu` executes SYSCALL, which is counted. */
  syscall(vcpu: number): void;
  /** Hypervisor.iret() to user mode, then syscall(), the latter under its cause: in one piece, where the container has that. */
  iret_and_syscall?(vcpu: number): void;
  /** A walk of the tables that the guest runs on: WALK_OK, or the error code as the guest sees it. */
  access(vcpu: number, page: Vpn, access: Access, user: boolean): number;
  /**
   * A program's access to `page` that faults and is tried again, in one piece, where the container has that: TOUCH_*. Who is answered
   * TOUCH_PLAIN, with nothing changed, does it by access() and page_fault().
   */
  touch_at_once?(vcpu: number, page: Vpn, access: Access): number;
  /** A page fault, or an interrupt, that is the guest's. */
  page_fault(vcpu: number, page: Vpn, error: number): void;
  interrupt(vcpu: number): void;
  is_blocked(vcpu: number): boolean;
  in_kernel_mode(vcpu: number): boolean;
}
