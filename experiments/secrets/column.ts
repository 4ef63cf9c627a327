/** What an evaluation says of a proposal's secrets: the worst of any pCPU, in Xen's own modes and in a guest's. */
import type { Proposal } from "../../abi/proposal.js";
import type { DomainType } from "../../xen-model/layout/host-config.js";
import type { SecretsResult } from "../results.js";
import { DEFAULT_HOST } from "./host-spec.js";
import { rootsOf } from "./root-shape.js";
import { secretClasses, type SecretsOptions, secretsOf, type Worst } from "./secrets.js";

/** The type of domain that a proposal's guest is for the Xen that has the secrets, by what it runs in: a shim is in an HVM one. */
const GUEST_TYPE: Record<Proposal["xen"]["container"], DomainType> = {
  pv: "pv64",
  pv32: "pv32",
  pvh: "hvm",
  shim: "hvm",
};

const OPTIONS: Omit<SecretsOptions, "speculation"> = { host: DEFAULT_HOST, eptPublic: false };

/**
 * On a host of the default size; null for a design whose roots are of no known shape.
 *
 * Errors: BadInput where the proposal's layout cannot be had with its roots.
 */
export function secretsColumn(proposal: Proposal): SecretsResult | null {
  try {
    rootsOf(proposal);
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
  const guest = GUEST_TYPE[proposal.xen.container];
  const worst = (meltdown: boolean): readonly Worst[] =>
    secretsOf(proposal, { ...OPTIONS, speculation: { meltdown, l1tf: false } }).worst;
  return {
    host: DEFAULT_HOST,
    layout: proposal.xen.layout,
    inXen: most(worst(false).filter(({ mode }) => mode === "xen" || mode === "idle")),
    inGuest: most(worst(true).filter(({ type, mode }) => type === guest && mode.startsWith("guest"))),
  };
}

function most(rows: readonly Worst[]): SecretsResult["inXen"] {
  const names = secretClasses(OPTIONS);
  const classes = Object.fromEntries(
    names.map((name) => [name, Math.max(...rows.map((row) => row.classes[name]))]),
  ) as SecretsResult["inXen"]["classes"];
  return { classes, secretBytes: Math.max(...rows.map(({ secretBytes }) => secretBytes)) };
}
