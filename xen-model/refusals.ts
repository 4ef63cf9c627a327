/**
 * The log of refused installations: the last of them, as records in the state, so that a snapshot has them too.
 *
 * Shape: total  Uint32Array  [0] how many there were
 *        rows   Uint32Array  KEPT rows, of which refusal n has row n % KEPT:
 *                            [place, vCPU, L4, holder, modes of the holder (1 kernel, 2 user), holder is blocked]
 */
import { EBUSY } from "../abi/errno.js";
import type { State } from "../abi/state.js";
import { type Decision, hexFrame } from "./audit-log.js";
import type { VcpuTable } from "./vcpu-table.js";

/** The ways in which a guest installs an L4, by their upstream names. */
export const PLACES = [
  "MMUEXT_NEW_BASEPTR",
  "MMUEXT_NEW_USER_BASEPTR",
  "VCPUOP_initialise",
  "write_cr",
] as const;

export type Place = (typeof PLACES)[number];

/** An installation that the exclusive audit refused, or to observe, would have. */
export interface Refusal {
  readonly place: Place;
  readonly vcpu: number;
  readonly mfn: number;
  /** The vCPU that has the L4 installed, in these modes. */
  readonly holder: number;
  readonly kernel: boolean;
  readonly user: boolean;
  readonly blocked: boolean;
}

const KEPT = 16;
const FIELDS = 6;

export class Refusals {
  readonly total: Uint32Array;
  readonly rows: Uint32Array;

  constructor(state: State) {
    this.total = state.u32(1);
    this.rows = state.u32(KEPT * FIELDS);
  }

  note(vcpus: VcpuTable, place: Place, vcpu: number, mfn: number, holder: number): Refusal {
    const kernel = vcpus.guest_table[holder] === mfn;
    const user = vcpus.guest_table_user[holder] === mfn;
    const blocked = vcpus.blocked[holder] !== 0;
    const modes = (kernel ? 1 : 0) | (user ? 2 : 0);
    const at = (this.total[0]! % KEPT) * FIELDS;
    this.rows.set([PLACES.indexOf(place), vcpu, mfn, holder, modes, blocked ? 1 : 0], at);
    this.total[0]!++;
    return { place, vcpu, mfn, holder, kernel, user, blocked };
  }

  /** The last KEPT refusals, oldest first. */
  records(): Refusal[] {
    const total = this.total[0]!;
    const records: Refusal[] = [];
    for (let n = Math.max(total - KEPT, 0); n < total; n++) records.push(this.record(n % KEPT));
    return records;
  }

  last(): Refusal | undefined {
    const total = this.total[0]!;
    return total === 0 ? undefined : this.record((total - 1) % KEPT);
  }

  private record(row: number): Refusal {
    const [place, vcpu, mfn, holder, modes, blocked] = this.rows.subarray(row * FIELDS);
    return {
      place: PLACES[place!]!,
      vcpu: vcpu!,
      mfn: mfn!,
      holder: holder!,
      kernel: (modes! & 1) !== 0,
      user: (modes! & 2) !== 0,
      blocked: blocked !== 0,
    };
  }
}

/** As the audit log has it: which vCPU, which frame, who has it, and what to do. */
export function refusalDecision({ place, vcpu, mfn, holder, kernel, user, blocked }: Refusal): Decision {
  const modes = kernel && user ? "for both modes" : user ? "as its user table" : "as its kernel table";
  const held = `vcpu ${holder} has it installed ${modes}${blocked ? ", and is blocked" : ""}`;
  return {
    where: place,
    rc: -EBUSY,
    input: `vcpu ${vcpu}, l4 mfn ${hexFrame(mfn)}`,
    rule: `${held}; use another L4, or load another one on vcpu ${holder} first`,
  };
}

/**
 * The same as a line of Xen's console, with the vCPU that asked in front; `frame` is how the L4 is called.
 *
 * Mirrors: gprintk() in pv_claim_l4() of patches-notes/exclusive-l4/xen, in the same words.
 */
export function refusedLine(
  { vcpu, mfn, holder }: Refusal,
  domid: number,
  current: number,
  frame = mfn.toString(16).padStart(5, "0"),
): string {
  const pv = (v: number): string => `d${domid}v${v}`;
  return `${pv(current)} ${pv(vcpu)}: L4 mfn ${frame} refused: ${pv(holder)} has it installed`;
}
