/**
 * Why the audit refused: the reason does not cross the ABI, it goes here, and reports are made from it.
 *
 * Mirrors: gdprintk() in xen/arch/x86/mm.c, of a debug build.
 */
import { errnoName, type Rc } from "../abi/errno.js";

export interface Refusal {
  /** The function that decided. */
  readonly where: string;
  readonly rc: Rc;
  /** The input and the place: "l4 mfn 0x1f0 slot 256". */
  readonly input: string;
  /** The rule, and what to do instead. */
  readonly rule: string;
}

/** Keeps the last refusals; off by default, since texts are made only for a reader. */
export class AuditLog {
  enabled = false;
  readonly refusals: Refusal[] = [];

  /** Note a refusal and return its rc. `input` is a function, so that a silent log makes no text. */
  refuse(rc: Rc, where: string, input: () => string, rule: string): Rc {
    if (this.enabled) this.refusals.push({ where, rc, input: input(), rule });
    return rc;
  }
}

/** One line: mod_l4_entry: l4 mfn 0x1f0 slot 256: slots 256..271 are Xen's; use a guest slot (-EINVAL). */
export function refusalLine(r: Refusal): string {
  return `${r.where}: ${r.input}: ${r.rule} (-${errnoName(r.rc)})`;
}

export const hexFrame = (mfn: number): string => `0x${mfn.toString(16)}`;
