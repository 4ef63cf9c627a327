/**
 * What each pCPU could be made to load, in bytes of each class of secrets, mode by mode.
 *
 * The speculation model: a speculative load reaches what the tables in %cr3 map for the mode's privilege, readable,
 * writable or executable alike, and what the TLB still holds. Two kinds of processor reach more:
 *   meltdown  U/S is ignored: guest modes reach all that is mapped
 *   l1tf      P is ignored, and a PV guest may write what it likes into an entry without P (pv-l1tf=false): guest modes reach all that
 *             may be in the L1D, which is what any mode of this pCPU maps
 *
 * Mirrors: XSA-254, XSA-273 for what is ignored.
 * Differs: no sibling hyperthreads; whole pages are in reach or not; what is in a cache already is in reach by l1tf only.
 */
import type { Mfn } from "../../abi/frames.js";
import type { Tlb } from "../hw/tlb.js";
import { _PAGE_USER, LEVEL_PAGES } from "../../abi/page.js";
import type { Run } from "./frame-map.js";
import type { Mode, XenHost } from "./host.js";
import { type Ranges, RangeSet, union } from "./ranges.js";
import { Reacher } from "./reach.js";

/** Classes of secrets, and what each is. */
export const SECRETS = {
  other_domains: "memory of other domains",
  other_domains_vcpus: "registers and FPU state of other domains' vCPUs",
  other_vcpus: "registers and FPU state of the own domain's other vCPUs",
  other_stacks: "stacks of other pCPUs",
  percpu: "per-CPU data of other pCPUs",
  xenheap: "struct domain, grant tables and event channels of other domains",
  pagetables: "Xen's pagetables",
  ept: "EPT pages",
} as const;

/** A class of secrets. */
export type SecretClass = keyof typeof SECRETS;

/** What else can be reached, and is no secret here. */
export const OPEN = {
  own_memory: "memory of the own domain",
  own_vcpu: "state of the own vCPU",
  own_domain: "struct domain, grant tables and event channels of the own domain",
  own_root: "the root that Xen made for what runs on this pCPU",
  own_pcpu: "stack and per-CPU data of this pCPU",
  image: "Xen's image, stubs and low memory",
  m2p: "machine-to-phys tables",
  frametable: "the frame table",
  free: "free memory, scrubbed",
} as const;

/** What a frame is to a pCPU. */
export type FrameClass = SecretClass | keyof typeof OPEN;

export const CLASSES = [...Object.keys(SECRETS), ...Object.keys(OPEN)] as FrameClass[];

export interface Speculation {
  readonly meltdown: boolean;
  readonly l1tf: boolean;
}

export interface CensusOptions extends Speculation {
  /** What the TLBs hold too. */
  readonly tlb?: Tlb;
}

/** One pCPU in one mode. Units: bytes. */
export interface Exposure {
  readonly pcpu: number;
  readonly mode: Mode;
  readonly domid: number | null;
  readonly vcpu: number | null;
  readonly type: string | null;
  /** What the pCPU walks. */
  readonly cr3: Mfn;
  readonly classes: Readonly<Record<FrameClass, number>>;
}

/** Look at all pCPUs in all their modes, or at those in `only`. */
export function census(host: XenHost, options: CensusOptions, only?: readonly number[]): Exposure[] {
  const reacher = new Reacher(host.mem, options.l1tf);
  const found: Exposure[] = [];
  for (const pcpu of only ?? host.pcpus.keys()) {
    const running = host.running[pcpu];
    for (const mode of host.modes(pcpu)) {
      const cr3 = host.enter(pcpu, mode);
      reacher.confirm(cr3);
      const idle = mode === "idle" || running === undefined;
      found.push({
        pcpu,
        mode,
        domid: idle ? null : running.domain.domid,
        vcpu: idle ? null : running.vcpu.vcpu,
        type: idle ? null : running.domain.type,
        cr3,
        classes: classify(host, pcpu, mode, reach_of(host, pcpu, mode, reacher, options)),
      });
    }
  }
  return found;
}

/** Frames in reach of `pcpu` in `mode`; enters it. */
export function reach_of(
  host: XenHost,
  pcpu: number,
  mode: Mode,
  reacher: Reacher,
  options: CensusOptions,
): Ranges {
  const reached = mapped(host, pcpu, mode, reacher, options);
  const { domain } = host.running[pcpu] ?? {};
  if (!options.l1tf || !isGuest(mode) || domain === undefined) return reached;
  return union([
    reached,
    ...host.modes(pcpu).map((other) => mapped(host, pcpu, other, reacher, options, true)),
  ]);
}

function mapped(
  host: XenHost,
  pcpu: number,
  mode: Mode,
  reacher: Reacher,
  { meltdown, tlb }: CensusOptions,
  anyRights = false,
): Ranges {
  const cr3 = host.enter(pcpu, mode);
  const type = host.running[pcpu]?.domain.type;
  const inGuest = isGuest(mode);
  // In 32-bit PV, segments end below 4 GiB: slot 0, whose L3 has four entries. HVM guests have no address outside their EPT.
  const below4GiB = inGuest && type === "pv32";
  const { all, user } = below4GiB ? reacher.of_root(cr3, 0, 0) : reacher.of_root(cr3);
  const every = anyRights || !inGuest || meltdown || type !== "pv64";
  const walked = every ? all : user;
  if (tlb === undefined) return walked;
  const held = new RangeSet();
  held.addAll(walked);
  tlb.forEach(pcpu, (_, level, frame, leaf) => {
    if (every || (leaf & _PAGE_USER) !== 0) held.add(frame, frame + LEVEL_PAGES[level]!);
  });
  return held.ranges();
}

function isGuest(mode: Mode): boolean {
  return mode === "guest-user" || mode === "guest-kernel";
}

/** Bytes of `reached`, by class, as `pcpu` sees them in `mode`. */
export function classify(
  host: XenHost,
  pcpu: number,
  mode: Mode,
  reached: Ranges,
): Record<FrameClass, number> {
  const running = mode === "idle" ? undefined : host.running[pcpu];
  const viewer = { pcpu, domid: running?.domain.domid ?? -1, vcpu: running?.vcpu.vcpu ?? -1 };
  const bytes = Object.fromEntries(CLASSES.map((name) => [name, 0])) as Record<FrameClass, number>;
  const { runs } = host.map;
  let row = 0;
  for (let i = 0; i < reached.length; i += 2) {
    const [first, end] = [reached[i]!, reached[i + 1]!];
    while (row < runs.length && runs[row]!.end <= first) row++;
    for (let at = row; at < runs.length && runs[at]!.first < end; at++) {
      const run = runs[at]!;
      const frames = Math.min(run.end, end) - Math.max(run.first, first);
      bytes[class_of(run, viewer)] += frames * 4096;
    }
  }
  return bytes;
}

/** What a frame of `run` is to a pCPU, vCPU and domain. */
export function class_of(
  run: Run,
  { pcpu, domid, vcpu }: { pcpu: number; domid: number; vcpu: number },
): FrameClass {
  const own = domid >= 0 && run.domid === domid;
  switch (run.kind) {
    case "domain":
      return own ? "own_memory" : "other_domains";
    case "vcpu_state":
      if (!own) return "other_domains_vcpus";
      return run.index === vcpu ? "own_vcpu" : "other_vcpus";
    case "stack":
      return run.index === pcpu ? "own_pcpu" : "other_stacks";
    case "percpu":
      return run.index === pcpu ? "own_pcpu" : "percpu";
    case "pagetable": {
      const ownRoot = own ? run.index === vcpu : domid >= 0 && run.domid < 0 && run.index === pcpu;
      return ownRoot ? "own_root" : "pagetables";
    }
    case "xenheap":
      return own ? "own_domain" : "xenheap";
    case "low":
      return "image";
    case "ept":
    case "image":
    case "m2p":
    case "frametable":
    case "free":
      return run.kind;
  }
}

/** Bytes of all secrets; `without`: classes that are taken for no secret. */
export function secret_bytes(classes: Exposure["classes"], without: readonly SecretClass[] = []): number {
  let sum = 0;
  for (const name of Object.keys(SECRETS) as SecretClass[]) if (!without.includes(name)) sum += classes[name];
  return sum;
}
