/** The top-level designs: a line for each, with the name that proposals give as linux.top. */
export { PerMmVcpu as "per-mm-vcpu" } from "./per-mm-vcpu.js";
export { PerThread as "per-thread" } from "./per-thread.js";
export { PerVcpu as "per-vcpu" } from "./per-vcpu.js";
export { SharedPgd as "shared-pgd" } from "./shared-pgd.js";
