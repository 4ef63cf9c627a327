/**
 * Every combination of guest, Xen, flag, protection and role, and what becomes of it.
 *
 * The rows are a product of lists, so none can be missing; a test counts them.
 */
import type { Proposal } from "../../abi/proposal.js";
import { boot, type Boot } from "./boot.js";
import { type FlagState, type Guest, GUESTS, linux } from "./guest.js";
import type { Role } from "./load.js";
import { migrations } from "./migrate.js";
import { REQUESTS, type Row } from "./row.js";
import { PROTECTIONS, xenOf, XENS } from "./xen.js";

export const ROLES: readonly Role[] = ["domU", "dom0"];

/** All boots of a Linux of today and of one with the flag; or of `guests`, as they are. Then all migrations. */
export function compatMatrix(proposal: Proposal, guests: readonly Guest[] = []): Row[] {
  const boots = guests.length > 0 ? guests.map((guest) => ({ guest, flag: guest.flag })) : linuxes(proposal);
  return [
    ...boots.flatMap(({ guest, flag }) => bootsOf(guest, flag, proposal)),
    ...(proposal.feature === undefined ? [] : migrations(proposal, proposal.feature)),
  ];
}

function linuxes(proposal: Proposal): { guest: Guest; flag: FlagState }[] {
  return GUESTS.flatMap((name) =>
    REQUESTS.map((flag) => ({ guest: linux(name, proposal.feature, flag), flag })),
  );
}

function bootsOf(guest: Guest, flag: FlagState, proposal: Proposal): Row[] {
  return XENS.flatMap((name) => {
    const xen = xenOf(name, proposal);
    return PROTECTIONS.flatMap((available) =>
      ROLES.map((role): Row => {
        const { checks, reason, ...result } = boot(guest, { xen, available }, role);
        const outcome = outcomeText(result);
        return { kind: "boot", guest: guest.name, xen: name, flag, available, role, outcome, reason, checks };
      }),
    );
  });
}

export function outcomeText({ outcome, refusal }: Pick<Boot, "outcome" | "refusal">): string {
  return refusal === undefined ? outcome : `refused by ${refusal.by}: ${refusal.message}`;
}
