/**
 * A proposal's secrets: what each pCPU of a host can reach under it, and the worst of it by what a pCPU does.
 */
import type { LayoutOptions, Proposal } from "../../abi/proposal.js";
import {
  census,
  type Exposure,
  type FrameClass,
  secret_bytes,
  SECRETS,
  type SecretClass,
  type Speculation,
} from "../../xen-model/layout/census.js";
import type { RootShape } from "../../xen-model/layout/host-config.js";
import type { Mode, XenHost } from "../../xen-model/layout/host.js";
import { type Alias, aliases } from "../../xen-model/layout/ret2dir.js";
import { hostOf, type HostSpec } from "./host-spec.js";

export interface SecretsOptions {
  readonly host: HostSpec;
  readonly speculation: Speculation;
  /** EPT pages are taken for no secret. */
  readonly eptPublic: boolean;
}

/** What does a pCPU do: in which mode, for which type of guest (null: none). */
export interface Doing {
  readonly type: string | null;
  readonly mode: Mode;
}

/** Bytes by class. */
export type Bytes = Readonly<Record<FrameClass, number>>;

/** The most that any pCPU can reach while it does something. Units: bytes. */
export interface Worst extends Doing {
  /** Of each class the most, whichever pCPU that is. */
  readonly classes: Bytes;
  /** Of all secrets together, the most. */
  readonly secretBytes: number;
}

export interface SecretsReport {
  readonly proposal: string;
  readonly host: HostSpec;
  readonly speculation: Speculation;
  readonly secretClasses: readonly SecretClass[];
  readonly root: RootShape;
  readonly uniqueL4s: boolean;
  readonly layout: LayoutOptions;
  readonly perPcpu: readonly Exposure[];
  readonly worst: readonly Worst[];
  /** Where Xen finds memory of the guest on pCPU 0 at an address of its own. */
  readonly ret2dir: readonly Alias[];
}

/** Classes that are secrets. */
export function secretClasses({ eptPublic }: Pick<SecretsOptions, "eptPublic">): SecretClass[] {
  return (Object.keys(SECRETS) as SecretClass[]).filter((name) => !eptPublic || name !== "ept");
}

/** Census a host under `proposal`. Errors: BadInput where the host cannot be. */
export function secretsOf(proposal: Proposal, options: SecretsOptions): SecretsReport {
  const host = hostOf(proposal, options.host);
  return { ...reportOf(host, proposal, options), ret2dir: aliases(host, 0) };
}

function reportOf(
  host: XenHost,
  proposal: Proposal,
  options: SecretsOptions,
): Omit<SecretsReport, "ret2dir"> {
  const perPcpu = census(host, options.speculation);
  return {
    proposal: proposal.name,
    host: options.host,
    speculation: options.speculation,
    secretClasses: secretClasses(options),
    root: host.config.root,
    uniqueL4s: host.config.uniqueL4s,
    layout: proposal.xen.layout,
    perPcpu,
    worst: worstOf(perPcpu, options),
  };
}

/** In the order in which they were found. */
export function worstOf(perPcpu: readonly Exposure[], options: Pick<SecretsOptions, "eptPublic">): Worst[] {
  const without: SecretClass[] = options.eptPublic ? ["ept"] : [];
  const worst = new Map<string, Worst>();
  for (const { type, mode, classes } of perPcpu) {
    const key = `${type}/${mode}`;
    const before = worst.get(key);
    const most = { ...classes };
    if (before !== undefined)
      for (const name of Object.keys(most) as FrameClass[])
        most[name] = Math.max(most[name], before.classes[name]);
    const secretBytes = Math.max(before?.secretBytes ?? 0, secret_bytes(classes, without));
    worst.set(key, { type, mode, classes: most, secretBytes });
  }
  const order = ["pv64", "pv32", "hvm", null];
  return [...worst.values()].sort((a, b) => order.indexOf(a.type as "hvm") - order.indexOf(b.type as "hvm"));
}

/** A class of which two proposals differ in one thing that a pCPU does. */
export interface Difference extends Doing {
  readonly class: FrameClass;
  readonly a: number;
  readonly b: number;
}

/** Where the worst of `a` and `b` differ. */
export function differences(a: SecretsReport, b: SecretsReport): Difference[] {
  const found: Difference[] = [];
  for (const { type, mode, classes } of a.worst) {
    const other = b.worst.find((row) => row.type === type && row.mode === mode);
    if (other === undefined) continue;
    for (const name of Object.keys(classes) as FrameClass[])
      if (classes[name] !== other.classes[name])
        found.push({ type, mode, class: name, a: classes[name], b: other.classes[name] });
  }
  return found;
}
