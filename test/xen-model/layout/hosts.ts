/** Hosts to look at: small ones with one domain of each type, unless said. */
import { type LayoutOptions, TODAY } from "../../../abi/proposal.js";
import type { DomainConfig, HostConfig } from "../../../xen-model/layout/host-config.js";
import { XenHost } from "../../../xen-model/layout/host.js";

export const MIB = 256;
export const GIB = 1024 * MIB;

/** Two vCPUs each, in the order of pCPUs: 0 and 1 run the 64-bit PV domain, 2 and 3 the 32-bit one, 4 and 5 the HVM one. */
export const MIXED: readonly DomainConfig[] = [
  { type: "pv64", vcpus: 2, frames: 512 * MIB },
  { type: "pv32", vcpus: 2, frames: 256 * MIB },
  { type: "hvm", vcpus: 2, frames: 1024 * MIB },
];

export const SECRET_FREE: LayoutOptions = {
  directmap: false,
  ept: "demand",
  mapcache: "vcpu",
  percpu: "own",
  bootPercpu: "allocated",
  vcpuState: "own",
  domainState: "domain",
  linearMap: false,
  roots: "domheap",
};

/** The shapes of roots that Xen has had or may get. */
export const SHARED = { root: { inGuest: "guest", inXen: "guest" }, uniqueL4s: false } as const;
export const UNIQUE = { ...SHARED, uniqueL4s: true } as const;
export const XPTI = { root: { inGuest: "pcpu", inXen: "guest" }, uniqueL4s: false } as const;
export const VCPU_ROOT = { root: { inGuest: "vcpu", inXen: "vcpu" }, uniqueL4s: true } as const;

export type Over = Partial<Omit<HostConfig, "options">> & { readonly options?: Partial<LayoutOptions> };

export function hostConfig({ options, ...over }: Over = {}): HostConfig {
  return {
    nrFrames: 4 * GIB,
    nrPcpus: 8,
    domains: MIXED,
    ...SHARED,
    ...over,
    options: { ...TODAY, ...options },
  };
}

export function xenHost(over: Over = {}): XenHost {
  return new XenHost(hostConfig(over));
}
