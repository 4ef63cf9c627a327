/**
 * What a census has to find, computed from the sizes of things and from what each layout leaves mapped; no table is looked at.
 *
 * Holds for hosts of 4 GiB to 64 GiB whose vCPUs all run. Units: frames.
 */
import type { FrameClass } from "../../../xen-model/layout/census.js";
import { type HostConfig, hasOwnSlots } from "../../../xen-model/layout/host-config.js";
import * as size from "../../../xen-model/layout/sizes.js";
import { GIB } from "./hosts.js";

export type Expected = Partial<Record<FrameClass, number>>;

/** What Xen maps of its own memory for all: the M2P twice, the frame table, the image with its stubs. */
function always(config: HostConfig): Expected {
  return {
    m2p: size.table_frames(config.nrFrames, 8) + Math.min(size.table_frames(config.nrFrames, 4), GIB),
    frametable: size.table_frames(config.nrFrames, 32),
    image: 3 * 512 - (bootsInImage(config) ? BOOT_FRAMES : 0) + Math.ceil(config.nrPcpus / 32),
  };
}

/** What pCPU 0 boots on. */
const BOOT_FRAMES = size.STACK_FRAMES + size.PERCPU_FRAMES;

function bootsInImage({ options }: HostConfig): boolean {
  return options.bootPercpu === "image";
}

/** All of memory but what is free, as a vCPU of domain `domid` sees it; -1: an idle pCPU. */
export function with_directmap(config: HostConfig, domid: number): Expected {
  const { domains, nrPcpus } = config;
  const others = [...domains.keys()].filter((d) => d !== domid);
  const sum = (of: (d: number) => number): number => others.reduce((total, d) => total + of(d), 0);
  const memory = (d: number): number => domains[d]!.frames; // with the guest's tables
  const vcpus = domid < 0 ? 0 : domains[domid]!.vcpus;
  const perPcpu = size.PERCPU_FRAMES + size.DESCRIPTOR_FRAMES;
  return {
    ...always(config),
    image: always(config).image! + size.LOW_FRAMES,
    other_domains: sum(memory),
    other_domains_vcpus: sum((d) => domains[d]!.vcpus * state(config, d)),
    other_vcpus: domid < 0 ? 0 : (vcpus - 1) * state(config, domid),
    other_stacks: (nrPcpus - 1) * size.STACK_FRAMES,
    percpu: (nrPcpus - 1) * perPcpu,
    xenheap: others.length * size.DOMAIN_HEAP_FRAMES,
    own_domain: domid < 0 ? 0 : size.DOMAIN_HEAP_FRAMES,
    ept: ept_pages(config),
    pagetables: pagetables(config) - own_root(config, domid),
    own_root: own_root(config, domid),
    own_memory: domid < 0 ? 0 : memory(domid),
    own_vcpu: domid < 0 ? 0 : state(config, domid),
    own_pcpu: size.STACK_FRAMES + perPcpu,
  };
}

/** Xen heap, areas of one's own, and a mapcache of 8 pages; a linear map would add tables. */
export function without_directmap(config: HostConfig, domid: number, pcpu: number): Expected {
  const { options, domains } = config;
  const all = with_directmap(config, domid);
  const own = domid < 0 ? undefined : domains[domid]!;
  const onHeap = options.vcpuState === "xenheap" ? size.VCPU_STATE_FRAMES : 0;
  const ofDomain = options.vcpuState === "own" ? 0 : size.VCPU_STATE_FRAMES; // Xen heap, or slot 260
  const args = own === undefined ? 0 : arg_xlat(own.type);
  const shared = options.percpu === "shared";
  const others = [...domains.keys()].filter((d) => d !== domid);
  const ofBoot = bootsInImage(config) && pcpu !== 0; // mapped wherever the image is
  const slots = hasOwnSlots(options) ? 1 : (own?.vcpus ?? 0); // vCPUs whose slot 260 it is
  const hasRoot = own?.type === "pv64" && heap_roots(config) > 0;
  const cachesRoot = hasRoot && options.roots === "domheap";
  return {
    ...all,
    ...always(config),
    other_domains: 0,
    other_domains_vcpus: others.reduce((sum, d) => sum + domains[d]!.vcpus * onHeap, 0),
    other_vcpus: own === undefined ? 0 : (own.vcpus - 1) * (ofDomain + (hasOwnSlots(options) ? 0 : args)),
    own_vcpu: own === undefined ? 0 : size.VCPU_STATE_FRAMES + args,
    other_stacks: shared ? all.other_stacks! : ofBoot ? size.STACK_FRAMES : 0,
    percpu: shared ? all.percpu! : ofBoot ? size.PERCPU_FRAMES : 0,
    xenheap: options.domainState === "xenheap" ? all.xenheap! : 0,
    ept: options.ept === "mapped" ? all.ept! : 0,
    free: 0,
    ...(options.roots === "xenheap"
      ? { pagetables: heap_roots(config) - own_root(config, domid) }
      : { pagetables: cachesRoot ? slots - 1 : 0, own_root: Number(cachesRoot) }),
    own_memory: own === undefined ? 0 : mapped_of_own(own.type, (8 - Number(cachesRoot)) * slots),
  };
}

/** In guest mode, XPTI with U/S ignored: facts/xen.md 3.1, line by line. */
export function in_root_pgt(config: HostConfig, domid: number): Expected {
  const { vcpus } = config.domains[domid]!;
  return {
    m2p: size.table_frames(config.nrFrames, 8), // slot 256
    image: size.TEXT_ENTRY_FRAMES + Math.ceil(config.nrPcpus / 32), // slot 261: entry text, stubs
    own_pcpu: size.STACK_FRAMES + 1 + 1 + 1, // cloned: stack, IDT, TSS; slot 260: this pCPU's GDT
    percpu: vcpus - 1 + 1, // slot 260: GDTs under the domain's other vCPUs; slot 261: the TSS of pCPU 0 in the image
    own_memory: 512, // the guest's own slots, and in slot 260 its GDTs
  };
}

function arg_xlat(type: string): number {
  return type === "pv64" ? 0 : 2;
}

/** Frames of a vCPU's state. */
function state(config: HostConfig, domid: number): number {
  return size.VCPU_STATE_FRAMES + arg_xlat(config.domains[domid]!.type);
}

/** What a guest's tables map, and so many of the mapcache's entries. */
function mapped_of_own(type: string, cached: number): number {
  return (type === "hvm" ? 0 : 512) + cached;
}

/** L4, L3, and an L2 for each GiB. */
function ept_pages({ domains }: HostConfig): number {
  const hvm = domains.filter(({ type }) => type === "hvm");
  return hvm.reduce((sum, { frames }) => sum + 2 + Math.ceil(frames / GIB), 0);
}

/** One of a running vCPU, or of its pCPU, where Xen makes roots. */
function own_root({ root, domains }: HostConfig, domid: number): number {
  if (domid < 0) return 0;
  return Number(root.inGuest === "pcpu" || (root.inXen === "vcpu" && domains[domid]!.type === "pv64"));
}

/** Roots that Xen makes: XPTI's, and those of vCPUs. */
function heap_roots({ root, nrPcpus, domains }: HostConfig): number {
  if (root.inGuest === "pcpu") return nrPcpus;
  const pv64 = domains.filter(({ type }) => type === "pv64");
  return root.inXen === "vcpu" ? pv64.reduce((sum, { vcpus }) => sum + vcpus, 0) : 0;
}

/** Xen's pagetables with a directmap, by what they are for. */
function pagetables(config: HostConfig): number {
  const { domains, nrPcpus, root, options } = config;
  const own = hasOwnSlots(options);
  const idle = [
    1, // the L4
    4, // slot 261: an L3; image and stubs: L2, L1 of stubs; L2 of the M2P
    3, // L2 of the compat M2P, compat_idle_pg_table_l2, L2 of the frame table
    4, // M2P for guests, MMCFG: L3, L2 each
    6, // directmap: L3, the L2s of 4 GiB, the L1 of 2 MiB
    own ? nrPcpus * (2 + (options.percpu === "own" ? 2 : 0)) : 0, // pCPUs' own: L4, L3; L2, L1
  ];
  // L4 to L1 each; for all: L3, L2, L1s of text and stubs; where pCPU 0 boots in the image: L1s of its TSS, and of its stack in the directmap
  const xpti = root.inGuest === "pcpu" ? nrPcpus * 4 + 4 + (bootsInImage(config) ? 2 : 0) : 0;
  const areas = (type: string): number =>
    (type === "hvm" ? 0 : 1) +
    (type === "pv64" ? 0 : 1) +
    Number(options.percpu === "own") +
    Number(options.vcpuState !== "xenheap") +
    Number(options.domainState === "domain");
  const ofDomains = domains.reduce((sum, { type, vcpus }) => {
    const l4s = type === "pv64" ? 0 : vcpus; // a 32-bit guest's, monitor tables
    return sum + l4s + (own ? vcpus : 1) * (1 + 2 * areas(type)); // slot 260: L3; L2 and L1 of each area
  }, 0);
  const vcpuRoots = root.inXen === "vcpu" ? heap_roots(config) : 0;
  return idle.reduce((a, b) => a + b) + xpti + ofDomains + vcpuRoots;
}
