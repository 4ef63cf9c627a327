/**
 * From a guest and a Xen to a boot: who refuses it, or how it runs.
 *
 * A flag in the notes reaches libelf's parameters and no further; in Xen up to master nobody reads it there. The
 * Xen of the proposal does: the builder hands the bit on, XENVER_get_features tells the guest, and the audit
 * begins. vm_assist is the other way, in-band: the guest asks when it runs.
 *
 * Mirrors: do_xen_version() XENVER_get_features, xen/common/kernel.c; do_vm_assist(), xen/common/domain.c;
 * libxl__domain_firmware(), tools/libs/light/libxl_dom.c, for the shim.
 * Differs: a host has one protection switched on; in practice XPTI and shim may both be.
 */
import { Chain, type Check, type Refusal } from "./chain.js";
import type { Guest } from "./guest.js";
import { load, type Parsed, type Role } from "./load.js";
import { flagOf, type Protection, type Xen } from "./xen.js";

const GET_FEATURES = ["do_xen_version()", "xen/common/kernel.c"] as const;
const VM_ASSIST = ["do_vm_assist()", "xen/common/domain.c"] as const;
const NEW_CR3 = ["new_guest_cr3()", "xen/arch/x86/mm.c"] as const;
const UPDATE_CR3 = ["update_cr3()", "xen/arch/x86/mm.c"] as const;
const SHIM = ["libxl__domain_firmware()", "tools/libs/light/libxl_dom.c"] as const;

export type Outcome =
  | "boots audited"
  | "boots with XPTI"
  | "boots with ASI"
  | "boots with a root per vCPU"
  | "boots in shim"
  | "boots unprotected"
  | "refused";

export interface Boot {
  readonly outcome: Outcome;
  readonly refusal: Refusal | undefined;
  readonly checks: readonly Check[];
  readonly reason: string;
}

/** What is switched on for a guest. */
export interface Host {
  readonly xen: Xen;
  readonly available: Protection;
}

export function boot(guest: Guest, host: Host, role: Role): Boot {
  const chain = new Chain();
  const outcome = outcomeOf(guest, host, role, chain);
  return { outcome, refusal: chain.refusal, checks: chain.checks, reason: chain.reason };
}

function outcomeOf(guest: Guest, host: Host, role: Role, chain: Chain): Outcome {
  const { xen, available } = host;
  // The toolstack that has the proposal reads the notes before it decides for the shim.
  const inShim = role === "domU" && available === "shim" && xen.protections.has("shim") && !xen.proposal;
  const parsed = load(guest, xen, inShim ? "shim" : role, chain);
  if (parsed === undefined) return "refused";
  const negotiated = negotiate(guest, xen, parsed, chain);
  if (negotiated === undefined) return "refused";
  if (negotiated && xen.proposal!.xen.exclusive) {
    chain.pass(NEW_CR3, "lets an L4 be installed on one vCPU alone, from the first on");
    return "boots audited";
  }
  return protect(host, role, negotiated, chain);
}

/** Has the guest got the flag from this Xen? Undefined if it refuses to run without. */
function negotiate(guest: Guest, xen: Xen, parsed: Parsed, chain: Chain): boolean | undefined {
  const flag = flagOf(xen);
  if (flag === undefined) {
    if (guest.flag === "none") return false;
    if (guest.asksByVmAssist) return withoutVmAssist(guest, chain);
    chain.pass(GET_FEATURES, "shows no such bit to the guest, which takes the tables of today");
    return false;
  }
  if (guest.asksByVmAssist) {
    chain.pass(VM_ASSIST, `switches ${flag.name} on (the proposal's new type)`);
    return true;
  }
  if ((parsed.supported & (1 << flag.bit)) === 0) {
    chain.pass(GET_FEATURES, `shows no ${flag.name}, which the guest did not ask for`);
    return false;
  }
  chain.pass(GET_FEATURES, `shows ${flag.name} (the proposal's new bit ${flag.bit})`);
  return true;
}

/** Without the type the call is -EINVAL, and the guest decides. */
function withoutVmAssist(guest: Guest, chain: Chain): false | undefined {
  const says = "returns -EINVAL: the type is not in arch_vm_assist_valid_mask()";
  if (guest.flag === "supported") {
    chain.pass(VM_ASSIST, `${says}; the guest goes on with the tables of today`);
    return false;
  }
  chain.refuse(VM_ASSIST, says, "guest", "the kernel cannot run without what it asked for");
  return undefined;
}

/** Where opt_xpti_domu or opt_xpti_hwdom becomes the domain's. */
function xptiOf({ name }: Xen): readonly [string, string] {
  return name === "4.17"
    ? ["pv_domain_initialise()", "xen/arch/x86/pv/domain.c"]
    : ["spec_ctrl_init_domain()", "xen/arch/x86/spec_ctrl.c"];
}

/** How a guest runs whose tables are not audited for the promise. */
function protect({ xen, available }: Host, role: Role, negotiated: boolean, chain: Chain): Outcome {
  const { proposal } = xen;
  if (proposal?.xen.root === "vcpu-root") {
    chain.pass(
      UPDATE_CR3,
      "loads the vCPU's own L4, with the guest's entries copied into it (the proposal's)",
    );
    return "boots with a root per vCPU";
  }
  if (proposal?.fallback === "audit-refuse" && !negotiated && proposal.xen.exclusive) {
    const says = "finds the L4 installed on another vCPU, as the threads of a process make it";
    chain.refuse(NEW_CR3, says, "Xen", "-EBUSY from MMUEXT_NEW_BASEPTR");
    return "refused";
  }
  if (proposal !== undefined && proposal.xen.root.startsWith("xpti")) {
    chain.pass(xptiOf(xen), "switches XPTI on, as the proposal has it");
    return "boots with XPTI";
  }
  if (!xen.protections.has(available)) {
    chain.pass(NEW_CR3, `loads the guest's L4: Xen ${xen.name} has no ${available}`);
    return "boots unprotected";
  }
  const fallback = proposal?.fallback ?? "none";
  const missing = fallback === "none" ? "" : `: ${fallback}, the proposal's fallback, is not available`;
  switch (available) {
    case "none":
      chain.pass(NEW_CR3, `loads the guest's L4, whoever else has it${missing}`);
      return "boots unprotected";
    case "xpti":
      chain.pass(xptiOf(xen), "switches XPTI on for the domain");
      return "boots with XPTI";
    case "asi":
      chain.pass(UPDATE_CR3, "loads the vCPU's own L4 (ASI, as posted in 2025)");
      return "boots with ASI";
    case "shim":
      if (role === "dom0") {
        chain.pass(NEW_CR3, "loads the guest's L4: dom0 has no toolstack below it to start a shim");
        return "boots unprotected";
      }
      chain.pass(SHIM, "starts a PVH container with the shim, whose module the kernel is");
      return "boots in shim";
  }
}
