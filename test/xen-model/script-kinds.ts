/** The guests that invented scripts run as, and how large a share of the scripts each gets. */
import type { XenConfig } from "../../xen-model/xen-config.js";

export const KINDS: readonly (readonly [guest: string, options: Partial<XenConfig>, share: number])[] = [
  ["a 64-bit guest", { pv32: false }, 1],
  ["a 32-bit guest", { pv32: true }, 1],
  ["an audited guest", { exclusive: "enforce" }, 0.5],
  ["a guest with a root per vCPU", { root: "vcpu-root" }, 0.5],
];
