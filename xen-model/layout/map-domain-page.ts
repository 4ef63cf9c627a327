/**
 * Where map_domain_page() maps a frame, on hosts that need a mapcache, and whether the loaded tables have it there.
 *
 * Mirrors: map_domain_page(), mapcache_current_vcpu(), xen/arch/x86/domain_page.c (facts/xen.md 5.1).
 * Differs: one mapping at a time, in the last of the vCPU's entries. Hits, misses and wraps are counted in mapcache.ts.
 */
import type { Mfn, Vpn } from "../../abi/frames.js";
import * as area from "./areas.js";
import type { Vcpu } from "./domains.js";
import { hasMapcache, XEN_LAYOUT_RULES } from "./host-config.js";
import type { XenHost } from "./host.js";
import { RW, TableBuilder } from "./table-builder.js";

/** A pCPU between two context switches: who runs by its bookkeeping, and whose tables are in %cr3; undefined: idle, or none. */
export interface Loaded {
  readonly current: Vcpu | undefined;
  readonly pgtable_vcpu: Vcpu | undefined;
}

/** Map frame `mfn`, and return the page that Xen then uses for it. */
export function map_domain_page(host: XenHost, { current, pgtable_vcpu }: Loaded, mfn: Mfn): Vpn {
  const { config } = host;
  const { track_pgtable_vcpu } = config.rules ?? XEN_LAYOUT_RULES;
  const vcpu = track_pgtable_vcpu ? pgtable_vcpu : current;
  const arithmetic = !hasMapcache(config, area.SHORT_DIRECTMAP_FRAMES) || mfn < area.SHORT_DIRECTMAP_FRAMES;
  const isPv = vcpu !== undefined && host.domains[vcpu.domid]!.type !== "hvm";
  if (!isPv || (config.options.directmap && arithmetic)) return (area.DIRECTMAP_VIRT_START + mfn) as Vpn;
  const last = (vcpu.vcpu + 1) * area.MAPCACHE_VCPU_ENTRIES - 1;
  const page = area.MAPCACHE_VIRT_START + last;
  new TableBuilder(host.mem, host.map).map_below_l3(vcpu.perdomain_l3, page, mfn, 1, RW);
  return page as Vpn;
}
