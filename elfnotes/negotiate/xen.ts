/**
 * The Xens that a guest may meet, as far as a boot depends on them: what their libelf and loaders know, and what
 * they have to keep guests apart.
 *
 * Mirrors: branches stable-4.1, stable-4.17 and master (c447b7308b) of xen.git.
 * Differs: one old release stands for all from before SUPPORTED_FEATURES; `proposed` is master with the proposal.
 */
import { XENFEAT } from "../../abi/features.js";
import type { Proposal } from "../../abi/proposal.js";
import type { Flag } from "../can-advertise.js";
import type { Compression } from "../unpack.js";

export const XENS = ["4.1", "4.17", "master", "proposed"] as const;

export type XenName = (typeof XENS)[number];

/** What may protect the guests of a host from each other without their help. */
export const PROTECTIONS = ["none", "xpti", "asi", "shim"] as const;

export type Protection = (typeof PROTECTIONS)[number];

export interface Xen {
  readonly name: XenName;
  /** Names in FEATURES that libelf parses. */
  readonly features: ReadonlySet<string>;
  /** Since 4.2: the note is parsed, and unknown names without `!` are skipped. */
  readonly since42: boolean;
  /** What it unpacks of a bzImage. */
  readonly compressions: ReadonlySet<Compression>;
  readonly protections: ReadonlySet<Protection>;
  /** The proposal that it has, in `proposed`. */
  readonly proposal: Proposal | undefined;
}

const BEFORE_4_2 = new Set(
  XENFEAT.filter(({ inFeaturesNote, bit }) => inFeaturesNote && bit <= 4).map(({ name }) => name),
);
const KNOWN = new Set(XENFEAT.filter(({ inFeaturesNote }) => inFeaturesNote).map(({ name }) => name));

const FIRST_COMPRESSIONS: readonly Compression[] = ["none", "gzip", "bzip2", "lzma", "xz", "lzo"];

/** The Xen of that name; `proposed` has `proposal`. */
export function xenOf(name: XenName, proposal: Proposal): Xen {
  const later = {
    name,
    features: KNOWN,
    since42: true,
    compressions: new Set<Compression>([...FIRST_COMPRESSIONS, "lz4", "zstd"]),
    protections: new Set<Protection>(["none", "xpti", "shim"]),
    proposal: undefined,
  };
  switch (name) {
    case "4.1":
      return {
        ...later,
        features: BEFORE_4_2,
        since42: false,
        compressions: new Set(FIRST_COMPRESSIONS),
        protections: new Set(["none"]),
      };
    case "4.17":
    case "master":
      return later;
    case "proposed": {
      const { feature } = proposal;
      const features = feature === undefined ? KNOWN : new Set([...KNOWN, feature.name]);
      return { ...later, features, protections: new Set(PROTECTIONS), proposal };
    }
  }
}

/** The flag that this Xen acts on; undefined for any but `proposed`. */
export function flagOf({ proposal }: Xen): Flag | undefined {
  return proposal?.feature;
}
