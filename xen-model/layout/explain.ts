/**
 * One address, explained: the walk, the frame's owner, what it is to the pCPU, and since which change the area is as it is.
 */
import type { Mfn, Vpn } from "../../abi/frames.js";
import { is_guest_l4_slot } from "../../abi/layout.js";
import { pt_slot } from "../../abi/page.js";
import { ACCESS_READ, WalkControl } from "../hw/control.js";
import { show_page_walk, type ShownEntry } from "../hw/show-page-walk.js";
import { walk, Walk, WALK_OK } from "../hw/walk.js";
import { type Area, area_of } from "./areas.js";
import { class_of, type FrameClass } from "./census.js";
import type { Run } from "./frame-map.js";
import type { Mode, XenHost } from "./host.js";

export interface Explanation {
  readonly cr3: Mfn;
  readonly levels: readonly ShownEntry[];
  /** Undefined: the guest's part of the address space. */
  readonly area: Area | undefined;
  /** Of the page, where it is mapped; undefined owner: no memory. */
  readonly mapped?: {
    readonly mfn: Mfn;
    readonly owner: Run | undefined;
    readonly class: FrameClass | undefined;
  };
}

/** Page `vpn` on `pcpu` in `mode`, as a supervisor that only reads finds it. */
export function explain(host: XenHost, pcpu: number, mode: Mode, vpn: Vpn): Explanation {
  const cr3 = host.enter(pcpu, mode);
  const [control, out] = [new WalkControl(52), new Walk()];
  const levels = show_page_walk(host.mem, control, cr3, vpn);
  const slot = pt_slot(vpn, 4);
  const area = is_guest_l4_slot(slot) && !isDirectmap(host, pcpu, mode) ? undefined : area_of(vpn);
  if (walk(host.mem, control, cr3, vpn, ACCESS_READ, out) !== WALK_OK) return { cr3, levels, area };
  const owner = host.map.run_of(out.frame);
  const running = mode === "idle" ? undefined : host.running[pcpu];
  const viewer = { pcpu, domid: running?.domain.domid ?? -1, vcpu: running?.vcpu.vcpu ?? -1 };
  return {
    cr3,
    levels,
    area,
    mapped: { mfn: out.frame, owner, class: owner && class_of(owner, viewer) },
  };
}

/** HVM and idle vCPUs have the directmap in slots that are a PV guest's. */
function isDirectmap(host: XenHost, pcpu: number, mode: Mode): boolean {
  const type = host.running[pcpu]?.domain.type;
  return mode === "idle" || type === undefined || (type === "hvm" && mode === "xen");
}
