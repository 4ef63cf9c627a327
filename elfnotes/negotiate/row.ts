/** A row of the matrix: one guest on one Xen, and what becomes of it. */
import type { Check } from "./chain.js";
import type { FlagState } from "./guest.js";
import type { Role } from "./load.js";
import type { Protection } from "./xen.js";

/** How new guests have the flag. */
export const REQUESTS = ["supported", "required"] as const;

export interface Row {
  readonly kind: "boot" | "migration";
  readonly guest: string;
  /** Of a migration: from where to where. */
  readonly xen: string;
  readonly flag: FlagState;
  /** What is switched on for the guest; of a migration, where it arrives. */
  readonly available: Protection;
  readonly role: Role;
  /** `refused by ...: MESSAGE`, or how it runs. */
  readonly outcome: string;
  /** The checks in their order, each by its function. */
  readonly reason: string;
  readonly checks: readonly Check[];
  /** Of a migration: what would have to be in the stream, and what breaks without. */
  readonly saved?: string;
  readonly breaks?: string;
}
