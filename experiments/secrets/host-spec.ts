/**
 * The host that a census looks at, from what the command line says: memory, pCPUs and domains of all three types.
 */
import { BadInput } from "../../abi/bad-input.js";
import type { Proposal } from "../../abi/proposal.js";
import type { DomainType, HostConfig } from "../../xen-model/layout/host-config.js";
import { XenHost } from "../../xen-model/layout/host.js";
import { rootsOf } from "./root-shape.js";

export interface HostSpec {
  readonly memoryBytes: number;
  readonly pcpus: number;
  readonly domains: number;
  /** vCPUs of each domain; the first has `firstVcpus`, where that is given. */
  readonly vcpus: number;
  readonly firstVcpus?: number;
}

/** A middling host. */
export const DEFAULT_HOST: HostSpec = { memoryBytes: 64 * 2 ** 30, pcpus: 8, domains: 12, vcpus: 2 };

const TYPES: readonly DomainType[] = ["pv64", "pv32", "hvm"];

/** Of a host's memory, what domains have, all the same; the rest is Xen's and free. */
const FOR_DOMAINS = 0.85;

/** The host under `proposal`. Errors: BadInput where it does not fit, or the layout asks for what the roots do not give. */
export function hostOf(proposal: Proposal, spec: HostSpec): XenHost {
  try {
    return new XenHost(configOf(proposal, spec));
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const remedy = /memory/.test(error.message)
      ? "raise --memory, or take fewer --domains"
      : "choose xen.exclusive, or a root of the vCPU's own";
    throw new BadInput(`proposal ${proposal.name}`, "xen.layout", error.message, remedy);
  }
}

function configOf(
  proposal: Proposal,
  { memoryBytes, pcpus, domains, vcpus, firstVcpus }: HostSpec,
): HostConfig {
  const nrFrames = Math.floor(memoryBytes / 2 ** 21) * 512;
  const frames = Math.floor((nrFrames * FOR_DOMAINS) / domains / 512) * 512;
  return {
    nrFrames,
    nrPcpus: pcpus,
    domains: Array.from({ length: domains }, (_, i) => ({
      type: TYPES[i % TYPES.length]!,
      vcpus: i === 0 ? (firstVcpus ?? vcpus) : vcpus,
      frames,
    })),
    options: proposal.xen.layout,
    ...rootsOf(proposal),
  };
}
