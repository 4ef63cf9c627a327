/**
 * What a Xen is built with: the machine, the version, and how it keeps its roots. It never changes while the Xen lives.
 */
import type { MemoryGeometry } from "../abi/memory.js";
import type { AuditRules } from "./audit-rules.js";
import type { MapDomainPage } from "./mapcache.js";
import type { MemoryMap } from "./memory-map.js";
import type { LowerXen } from "./shim/lower-xen.js";

export interface XenConfig {
  /** Xen's own tables begin at firstXenFrame (default 1) of its frames 0..nrXenFrames-1. */
  readonly geometry: MemoryGeometry & { readonly nrXenFrames: number; readonly firstXenFrame?: number };
  readonly nrPcpus: number;
  readonly nrVcpus: number;
  /** Root design (root/registry.ts). */
  readonly root: string;
  /** Is an L4 installed on one vCPU at most? observe: refusals are counted, and let through. */
  readonly exclusive: "off" | "observe" | "enforce";
  readonly flush: "domain" | "owner";
  readonly pcid: boolean;
  readonly invpcid: boolean;
  /** Global pages (opt_global_pages, default true): Xen does without them where it runs virtualised on AMD. */
  readonly pge?: boolean;
  readonly version: "4.17" | "master";
  readonly map?: MemoryMap;
  /** How often hypercall_preempt_check() finds work pending: every n-th time, or never (0, the default). */
  readonly preempt?: number;
  /** A 32-bit (PAE) guest. */
  readonly pv32?: boolean;
  /** Frames below 4 GiB, 2^20 unless a test has less. */
  readonly framesBelow4GiB?: number;
  /** A debug build of Xen. */
  readonly debug?: boolean;
  /** Model a TLB of this size for each pCPU. */
  readonly tlb?: { readonly sets: number; readonly ways: number };
  /** How map_domain_page() maps; without, there is a directmap, and it computes an address. */
  readonly mapDomainPage?: MapDomainPage;
  /** Each L4 maps itself in slot 258 (default true): without, Xen maps the tables of each walk. */
  readonly linearMap?: boolean;
  /** Roots that Xen makes are domain heap: mapped by map_domain_page() to be written. */
  readonly rootsOnDemand?: boolean;
  /** Where this Xen is a shim: the Xen that it runs on, which flushes for it. */
  readonly lower?: LowerXen;
  /** For tests: the audit with an old rule in it. */
  readonly rules?: AuditRules;
}

/**
 * `config` with all keys, in one order; undefined, where one is missing. Objects that spreads have put together may each have a
 * shape of their own, and code that V8 has compiled for one is compiled again for the next.
 */
export function in_one_shape(config: XenConfig): XenConfig {
  const all: { readonly [Key in keyof Required<XenConfig>]: XenConfig[Key] | undefined } = {
    geometry: config.geometry,
    nrPcpus: config.nrPcpus,
    nrVcpus: config.nrVcpus,
    root: config.root,
    exclusive: config.exclusive,
    flush: config.flush,
    pcid: config.pcid,
    invpcid: config.invpcid,
    pge: config.pge,
    version: config.version,
    map: config.map,
    preempt: config.preempt,
    pv32: config.pv32,
    framesBelow4GiB: config.framesBelow4GiB,
    debug: config.debug,
    tlb: config.tlb,
    mapDomainPage: config.mapDomainPage,
    linearMap: config.linearMap,
    rootsOnDemand: config.rootsOnDemand,
    lower: config.lower,
    rules: config.rules,
  };
  return all as XenConfig;
}
