/**
 * 622c9a5ba9 "x86/mm: accurately track which vCPU page-tables are loaded", XSA-494.
 *
 * Where shadow mode failed for a PV domain, Xen went on the idle page tables, but `current` stayed the domain's vCPU.
 * map_domain_page() then chose an entry of that vCPU's mapcache, in slot 260, which the loaded tables do not have.
 */
import { expect } from "chai";
import { type Mfn } from "../../../abi/frames.js";
import { XEN_LAYOUT_RULES } from "../../../xen-model/layout/host-config.js";
import type { XenHost } from "../../../xen-model/layout/host.js";
import { map_domain_page } from "../../../xen-model/layout/map-domain-page.js";
import { ACCESS_READ, WalkControl } from "../../../xen-model/hw/control.js";
import { Walk, walk, WALK_OK } from "../../../xen-model/hw/walk.js";
import { GIB, xenHost } from "./hosts.js";

const OLD = { ...XEN_LAYOUT_RULES, track_pgtable_vcpu: false };
const MFN = 5800 * GIB; // a frame above the 5 TiB of a PV guest's directmap
const two = [
  { type: "pv64", vcpus: 1, frames: 65536 },
  { type: "pv64", vcpus: 1, frames: 65536 },
] as const;

function host(rules = XEN_LAYOUT_RULES): XenHost {
  return xenHost({ nrFrames: 6 * 1024 * GIB, domains: two, rules });
}

/** Frame that `root` has at the page which map_domain_page() chose; -1 for a page fault in Xen. */
function seen(h: XenHost, root: Mfn, current: number | undefined, loaded: number | undefined): number {
  const vcpu = (d: number | undefined) => (d === undefined ? undefined : h.domains[d]!.vcpu[0]!);
  const page = map_domain_page(h, { current: vcpu(current), pgtable_vcpu: vcpu(loaded) }, MFN as Mfn);
  const out = new Walk();
  return walk(h.mem, new WalkControl(52), root, page, ACCESS_READ, out) === WALK_OK ? out.frame : -1;
}

describe("622c9a5ba9: the mapcache of the vCPU whose tables are loaded, not that of `current`", () => {
  it("finds the frame where both are one, by the old rule too", () => {
    for (const h of [host(), host(OLD)]) expect(seen(h, h.enter(0, "xen"), 0, 0)).to.equal(MFN);
  });

  it("finds it on the idle page tables while `current` is a PV vCPU", () => {
    const h = host();
    expect(seen(h, h.enter(0, "idle"), 0, undefined)).to.equal(MFN);
  });

  it("faults in Xen there by the old rule: idle_pg_table has no slot 260", () => {
    const h = host(OLD);
    expect(seen(h, h.enter(0, "idle"), 0, undefined)).to.equal(-1);
  });

  it("by the old rule, another domain's tables show a wrong frame, or none", () => {
    const old = host(OLD);
    expect(seen(old, old.enter(1, "xen"), 0, 1)).to.not.equal(MFN);
    const h = host();
    expect(seen(h, h.enter(1, "xen"), 0, 1)).to.equal(MFN);
  });
});
