/**
 * ret2dir: where Xen, on behalf of a guest, finds bytes that the guest chose at an address of Xen's own.
 *
 * SMEP and SMAP keep Xen off user pages; an alias of the same frame in Xen's slots has U/S clear, and passes.
 *
 * Mirrors: Kemerlis et al., "ret2dir: Rethinking Kernel Isolation", USENIX Security 2014.
 * Differs: what the guest controls is its own memory, all of it, its pagetables included, as it could choose their contents within the audit.
 */
import type { Mfn, Vpn } from "../../abi/frames.js";
import { _PAGE_NX, _PAGE_RW } from "../../abi/page.js";
import { ACCESS_READ, WalkControl } from "../hw/control.js";
import { walk, Walk } from "../hw/walk.js";
import { AREAS, DIRECTMAP_VIRT_START, SHORT_DIRECTMAP_FRAMES } from "./areas.js";
import { classify } from "./census.js";
import type { XenHost } from "./host.js";
import { Reacher } from "./reach.js";

/** One mapping of Xen's that has guest-controlled bytes. */
export interface Alias {
  readonly area: string;
  readonly bytes: number;
  /** A page of it, and its rights. */
  readonly page: Vpn;
  readonly mfn: Mfn;
  readonly writable: boolean;
  readonly executable: boolean;
}

/** Areas of Xen's where memory of the domain that runs on `pcpu` is mapped while Xen runs on its behalf. */
export function aliases(host: XenHost, pcpu: number): Alias[] {
  const domain = host.running[pcpu]?.domain;
  if (domain === undefined) return [];
  const root = host.enter(pcpu, "xen");
  const reacher = new Reacher(host.mem);
  const [control, out] = [new WalkControl(52), new Walk()];
  const found: Alias[] = [];
  // behind a PV guest's short directmap begin its own slots
  const last = domain.type === "hvm" ? Infinity : DIRECTMAP_VIRT_START + SHORT_DIRECTMAP_FRAMES;
  for (const { name, first, ...area } of AREAS) {
    const end = Math.min(area.end, last);
    const bytes = classify(host, pcpu, "xen", reacher.of_pages(root, first, end).all).own_memory;
    const run = host.map.runs
      .filter(({ kind, domid }) => kind === "domain" && domid === domain.domid)
      .map((r) => reacher.page_of(root, first, end, r.first, r.end))
      .find((page) => page !== undefined);
    if (bytes === 0 || run === undefined) continue;
    walk(host.mem, control, root, run, ACCESS_READ, out);
    const { frame: mfn, rights } = out;
    const [writable, executable] = [(rights & _PAGE_RW) !== 0, (rights & _PAGE_NX) === 0];
    found.push({ area: name, bytes, page: run, mfn, writable, executable });
  }
  return found;
}
