/**
 * Why the audit decided as it did: the reason does not cross the ABI, it goes here, and reports are made from it.
 *
 * Mirrors: gdprintk() in xen/arch/x86/mm.c, of a debug build, for refusals; Xen says nothing where all is well.
 */
import { errnoName, type Rc } from "../abi/errno.js";

export interface Decision {
  /** The function that decided. */
  readonly where: string;
  /** What it answered; 0 where it went on. */
  readonly rc: Rc;
  /** The input and the place: "l4 mfn 0x1f0 slot 256". */
  readonly input: string;
  /** The rule, and what to do instead. */
  readonly rule: string;
}

/** Decisions that are kept at most, for a reader who takes them seldom. */
const MAX_DECISIONS = 10_000;

/**
 * Keeps decisions until a reader takes them; off by default, since texts are made only for a reader. It lies beside the
 * state: a snapshot has none of it, and it may be cleared at any time. What must outlive a snapshot is in refusals.ts.
 */
export class AuditLog {
  enabled = false;
  readonly decisions: Decision[] = [];

  /** Note a refusal and return its rc. `input` is a function, so that a silent log makes no text. */
  refuse(rc: Rc, where: string, input: () => string, rule: string): Rc {
    if (this.enabled) this.add({ where, rc, input: input(), rule });
    return rc;
  }

  /** Note what was allowed, and by which rule. For callers that have looked at `enabled`. */
  note(where: string, input: string, rule: string): void {
    this.add({ where, rc: 0, input, rule });
  }

  /** Beyond MAX_DECISIONS the oldest goes. */
  add(decision: Decision): void {
    if (!this.enabled) return;
    if (this.decisions.length >= MAX_DECISIONS) this.decisions.shift();
    this.decisions.push(decision);
  }
}

/** One line: mod_l4_entry: l4 mfn 0x1f0 slot 256: slots 256..271 are Xen's; use a guest slot (-EINVAL). */
export function decisionLine(d: Decision): string {
  return `${d.where}: ${d.input}: ${d.rule}${d.rc === 0 ? "" : ` (-${errnoName(d.rc)})`}`;
}

export const hexFrame = (mfn: number): string => `0x${mfn.toString(16)}`;

/**
 * What Xen's console says when a 64-bit PV domain starts: are its L4s audited, or does XPTI alone hide what they show?
 *
 * Mirrors: report_l4_audit() of patches-notes/exclusive-l4/xen, in the same words.
 */
export function report_l4_audit(domid: number, audited: boolean, xpti: boolean): string {
  const how = audited ? "are audited: no L4 on two vCPUs" : `are not audited: XPTI is ${xpti ? "on" : "off"}`;
  return `d${domid}: top-level pagetables ${how}`;
}
