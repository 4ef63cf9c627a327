/**
 * A host to look at: its memory, pCPUs and domains, how Xen's address space is laid out on it, and which roots it uses.
 */
import type { LayoutOptions } from "../../abi/proposal.js";

/** What a domain's vCPUs run on: 64-bit PV, 32-bit PV, or HVM and PVH with HAP. */
export type DomainType = "pv64" | "pv32" | "hvm";

export interface DomainConfig {
  readonly type: DomainType;
  readonly vcpus: number;
  /** Frames of its memory. */
  readonly frames: number;
}

/**
 * Which L4 a pCPU has while a 64-bit PV guest runs, and while Xen runs on its behalf: the guest's own; a copy with all of
 * Xen's slots, one for each vCPU; or XPTI's, one for each pCPU, with next to nothing of Xen (not while Xen runs).
 */
export interface RootShape {
  readonly inGuest: "guest" | "vcpu" | "pcpu";
  readonly inXen: "guest" | "vcpu";
}

/** The lines of Xen that historical fixes changed, so that tests can put the old ones back. */
export interface LayoutRules {
  /** The stubs are cloned into root_pgt one by one, not by splicing in the L3 entry that maps the image too (d1d6fc97d6). */
  readonly clone_stubs: boolean;
  /** map_domain_page() goes by the vCPU whose tables are loaded, not by `current` (622c9a5ba9). */
  readonly track_pgtable_vcpu: boolean;
}

export const XEN_LAYOUT_RULES: LayoutRules = { clone_stubs: true, track_pgtable_vcpu: true };

export interface HostConfig {
  readonly nrFrames: number;
  readonly nrPcpus: number;
  readonly domains: readonly DomainConfig[];
  readonly options: LayoutOptions;
  readonly root: RootShape;
  /** No two pCPUs have one L4 of a 64-bit PV guest: by audit, or since the roots are Xen's. */
  readonly uniqueL4s: boolean;
  readonly rules?: LayoutRules;
  /** Frames of its own that each guest's tables map; its own memory is no secret to it, so few do. */
  readonly guestMapped?: number;
}

/** Does the layout give each vCPU's (and each idle pCPU's) L4 a slot 260 of its own? */
export function hasOwnSlots({ percpu, vcpuState }: LayoutOptions): boolean {
  return percpu === "own" || vcpuState === "own";
}

/** Does map_domain_page() need a mapcache: is there a frame that Xen's slots of a PV guest do not map? */
export function hasMapcache(config: Pick<HostConfig, "nrFrames" | "options">, short: number): boolean {
  return !config.options.directmap || config.nrFrames > short;
}
