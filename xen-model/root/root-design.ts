/**
 * A root design: which L4 is in %cr3 while the guest runs, which while Xen runs, and what keeps them right.
 *
 * The rest of Xen tells a design what happens; it never asks which one it is.
 */
import type { Xen } from "../xen.js";
import type { XenConfig } from "../xen-config.js";
import * as REGISTRY from "./registry.js";

export interface RootDesign {
  /** Runs with PCID, so that switches of mode and of root keep the TLB. */
  readonly pcid: boolean;
  /**
   * A switch of mode is a write of %cr3 that takes the guest kernel's entries, enter_from_guest() and exit_to_guest() do nothing: so
   * that of a switch there and back only the counts stay (iret-and-syscall.ts).
   */
  readonly toggles_by_cr3?: boolean;
  /** Make Xen's own tables that the design needs. */
  init(x: Xen): void;
  /** Load the tables of `vcpu`'s present mode on its pCPU, flushing: NEW_BASEPTR, context switch. */
  write_ptbase(x: Xen, vcpu: number, changed: boolean): void;
  /** The vCPU went from user to kernel mode, or back: its other L4 is current now. */
  toggle_guest_mode(x: Xen, vcpu: number): void;
  /** From guest to Xen on the vCPU's pCPU, and the way back. */
  enter_from_guest(x: Xen, vcpu: number): void;
  exit_to_guest(x: Xen, vcpu: number): void;
  /**
   * exit_to_guest() into user mode and the system call that comes next, in one piece: iret-and-syscall.ts. False, with nothing
   * changed, where that is not plainly the same; a design may have no such form.
   */
  iret_and_syscall?(x: Xen, vcpu: number): boolean;
  /**
   * The vCPU leaves user mode, its kernel calls Xen `calls` times, and returns there, in one piece, where frames are mapped by the
   * directmap: fill-on-fault.ts. A design may have no such form.
   */
  through_kernel?(x: Xen, vcpu: number, calls: number): void;
  /**
   * `vcpu` has changed an entry of L4 `l4`: who has a root with what the entry was (ROOT_*, l4-uses.ts). They get
   * flush_root_pgtbl() once, when the hypercall ends.
   */
  l4_changed(x: Xen, vcpu: number, l4: number): number;
  /** FLUSH_ROOT_PGTBL is handled on the pCPU of `vcpu`, ahead of the flush. */
  flush_root_pgtbl(x: Xen, vcpu: number): void;
  /** Can the domain be put in log-dirty mode, and so migrate while it runs? */
  readonly logDirty: boolean;
}

/** What a registry holds: all that changes in a design lies in the tables of `Xen`. */
export type RootDesignClass = new (config: XenConfig) => RootDesign;

const designs = new Map<string, RootDesignClass>(Object.entries(REGISTRY));

/** Names that a proposal may give as xen.root, in order. */
export function rootDesigns(): string[] {
  return [...designs.keys()].sort();
}

/** Does `name` come from registry.ts, so that every thread knows it? */
export function isInRootRegistry(name: string): boolean {
  return Object.hasOwn(REGISTRY, name);
}

/**
 * Give a design a name at run time, for proposals of this process.
 *
 * Errors: RangeError for a name that another design has.
 */
export function registerRootDesign(name: string, design: RootDesignClass): void {
  const present = designs.get(name);
  if (present !== undefined && present !== design) {
    throw new RangeError(`registerRootDesign: ${name} is the name of ${present.name}; choose another`);
  }
  designs.set(name, design);
}

/**
 * The design behind xen.root of a proposal.
 *
 * Errors: RangeError for a name that nobody registered.
 */
export function rootDesign(config: XenConfig): RootDesign {
  const design = designs.get(config.root);
  if (design === undefined) {
    throw new RangeError(`rootDesign: nobody registered ${config.root}; add it to root/registry.ts`);
  }
  return new design(config);
}
