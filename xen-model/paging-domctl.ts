/**
 * What a toolstack asks for a PV domain's pagetables: log-dirty mode, which live migration begins with.
 *
 * Mirrors: paging_domctl(), xen/arch/x86/mm/paging.c, with the check of "Address Space Isolation" v2, 16/18
 *          (facts/xen.md 4.3).
 * Differs: where it is allowed nothing follows: there is no shadow mode here, in which %cr3 has a shadow L4 of Xen's
 *          own. Of an audited guest's L4s a shadow would need the per-pCPU slots in their place.
 */
import { EOPNOTSUPP, type Rc } from "../abi/errno.js";
import type { Xen } from "./xen.js";

/** XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY. Errors: -EOPNOTSUPP  the domain's roots are per vCPU. */
export function enable_log_dirty(x: Xen): Rc {
  if (x.root.logDirty) return 0;
  return x.log.refuse(
    -EOPNOTSUPP,
    "paging_domctl",
    () => `root ${x.config.root}`,
    "a PV domain with a root per vCPU has no shadow mode: migrate it paused, or give it another root",
  );
}
