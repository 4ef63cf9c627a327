/** The root designs: a line for each, with the name that proposals give as xen.root. */
export { MonitorRoot as "monitor" } from "./monitor.js";
export { SharedRoot as "shared" } from "./shared.js";
export { VcpuRoot as "vcpu-root" } from "./vcpu-root.js";
export { XptiCopyAlwaysRoot as "xpti-copy-always" } from "./xpti.js";
export { XptiRoot as "xpti" } from "./xpti.js";
