/**
 * Which Xens a proposal's guest runs on: one, for a PV domain or a hardware guest; two for a shim.
 */
import type { Ledger } from "../abi/ledger.js";
import type { PtMemory } from "../abi/memory.js";
import type { State } from "../abi/state.js";
import type { Container } from "../xen-model/container.js";
import { Hvm } from "../xen-model/hvm.js";
import { LowerXen } from "../xen-model/shim/lower-xen.js";
import { Shim } from "../xen-model/shim/shim.js";
import { Xen } from "../xen-model/xen.js";
import type { XenConfig } from "../xen-model/xen-config.js";
import type { MachineConfig } from "./machine.js";

/** Frames of the Xen below a hardware guest: its idle table and what that maps, and a monitor table per vCPU. */
const HOST_FRAMES = 16;

/** The Xen that the guest calls, the one that has the machine, and what the guest runs in. */
export function build_container(
  state: State,
  memory: PtMemory,
  ledger: Ledger,
  config: MachineConfig,
): { xen: Xen; host: Xen; container: Container } {
  const { geometry, proposal } = config;
  const { container, root, idle, layout } = proposal.xen;
  const pv: XenConfig = {
    geometry,
    nrPcpus: geometry.nrCpus + (idle?.pcpus ?? 0),
    nrVcpus: geometry.nrCpus,
    root,
    exclusive: proposal.xen.exclusive ? config.audit : "off",
    flush: proposal.xen.flush,
    pcid: config.pcid,
    invpcid: config.invpcid,
    pge: config.pge ?? true,
    version: "4.17",
    ...(layout.directmap ? {} : { mapDomainPage: layout.mapcache }),
    linearMap: layout.linearMap,
    rootsOnDemand: layout.roots === "domheap",
    ...(config.rules === undefined ? {} : { rules: config.rules }),
  };
  if (container === "pv" || container === "pv32") {
    const xen = new Xen(state, memory, ledger, { ...pv, pv32: container === "pv32" });
    return { xen, host: xen, container: xen };
  }

  const hostFrames = HOST_FRAMES + geometry.nrCpus;
  const ofHost = { ...geometry, nrFrames: hostFrames, nrXenFrames: hostFrames };
  const host = new Xen(state, memory, ledger, { ...pv, geometry: ofHost, root: "monitor", exclusive: "off" });
  const hvm = new Hvm(host);
  if (container === "pvh") return { xen: host, host, container: hvm };
  const l1 = { ...geometry, firstXenFrame: hostFrames };
  const xen = new Xen(state, memory, ledger, { ...pv, geometry: l1, lower: new LowerXen(hvm, host) });
  return { xen, host, container: new Shim(xen, hvm) };
}
