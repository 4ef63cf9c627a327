/**
 * The promise under evaluation, looked at on the pCPUs' real %cr3 after every event of a run.
 *
 * Each pCPU may at any moment run its guest, or Xen on the guest's behalf, so the two modes are looked at
 * apart: a root used in guest mode is compared with the other pCPUs' guest-mode roots and with the
 * roots they have inside Xen.
 */
import type { Machine } from "../../machine/machine.js";
import type { PropertyResult, Verdict } from "../results.js";

const STATEMENTS = {
  exclusive_in_guest: "no two pCPUs have the same L4 in %cr3 while they run their guests",
  exclusive_in_xen: "no two pCPUs have the same L4 in %cr3 while Xen runs on them for a guest",
  audit_accepts:
    "the audit of exclusively installed L4s refuses nothing that the guest does in ordinary work",
} as const;

type Name = keyof typeof STATEMENTS;

export class PromiseWatch {
  private readonly checked: Record<Name, number> = {
    exclusive_in_guest: 0,
    exclusive_in_xen: 0,
    audit_accepts: 0,
  };
  private readonly violations: Record<Name, number> = {
    exclusive_in_guest: 0,
    exclusive_in_xen: 0,
    audit_accepts: 0,
  };
  private readonly first: Partial<Record<Name, { event: number; what: string }>> = {};
  private refusedBefore = 0;

  constructor(private readonly machine: Machine) {}

  /** Look at the machine after event number `event` of the workload. */
  look(event: number): void {
    const { machine } = this;
    const { nrCpus } = machine.config.geometry;
    for (let p = 0; p < nrCpus; p++) {
      for (let q = p + 1; q < nrCpus; q++) {
        const inGuest = machine.guest_cr3(p);
        if (inGuest === machine.guest_cr3(q)) this.violate("exclusive_in_guest", event, p, q, inGuest);
        const inXen = machine.xen_cr3(p);
        if (inXen === machine.xen_cr3(q)) this.violate("exclusive_in_xen", event, p, q, inXen);
      }
    }
    this.checked.exclusive_in_guest++;
    this.checked.exclusive_in_xen++;
    if (machine.config.proposal.xen.exclusive) {
      this.checked.audit_accepts++;
      const refused = machine.xen.refused();
      if (refused > this.refusedBefore) {
        this.refusedBefore = refused;
        this.violations.audit_accepts++;
        this.first.audit_accepts ??= { event, what: machine.xen.lastRefusal() };
      }
    }
  }

  /** What was found, in a fixed order. */
  properties(workload: string): PropertyResult[] {
    return (Object.keys(STATEMENTS) as Name[])
      .filter((name) => this.checked[name] > 0)
      .map((name) => {
        const first = this.first[name];
        return {
          name,
          kind: "always" as const,
          statement: STATEMENTS[name],
          holds: this.violations[name] === 0,
          checked: this.checked[name],
          violations: this.violations[name],
          ...(first === undefined ? {} : { first: { workload, ...first } }),
        };
      });
  }

  private violate(name: Name, event: number, p: number, q: number, mfn: number): void {
    this.violations[name]++;
    this.first[name] ??= { event, what: `pCPU ${p} and pCPU ${q}: L4 mfn 0x${mfn.toString(16)}` };
  }
}

/** Properties of several workloads in one list: a property holds if it held everywhere. */
export function mergeProperties(lists: readonly (readonly PropertyResult[])[]): PropertyResult[] {
  const merged = new Map<string, PropertyResult>();
  for (const property of lists.flat()) {
    const before = merged.get(property.name);
    if (before === undefined) merged.set(property.name, property);
    else {
      const first = before.first ?? property.first;
      merged.set(property.name, {
        ...before,
        holds: before.holds && property.holds,
        checked: before.checked + property.checked,
        violations: before.violations + property.violations,
        ...(first === undefined ? {} : { first }),
      });
    }
  }
  return [...merged.values()];
}

/** The verdict that follows from the properties, and why. */
export function verdictOf(properties: readonly PropertyResult[]): { verdict: Verdict; reason: string } {
  const broken = (name: Name) => properties.find((p) => p.name === name && !p.holds);
  const refused = broken("audit_accepts");
  if (refused !== undefined) {
    return {
      verdict: "breaks",
      reason: `its own audit must refuse the guest: ${refused.first!.what} (${refused.first!.workload}, event ${refused.first!.event})`,
    };
  }
  const guest = broken("exclusive_in_guest");
  if (guest !== undefined) {
    return {
      verdict: "breaks",
      reason: `while guests run, ${guest.first!.what} (${guest.first!.workload}, event ${guest.first!.event})`,
    };
  }
  const xen = broken("exclusive_in_xen");
  if (xen !== undefined) {
    return {
      verdict: "guest-mode-only",
      reason: `while Xen runs, ${xen.first!.what} (${xen.first!.workload}, event ${xen.first!.event})`,
    };
  }
  return { verdict: "keeps", reason: "no pCPU pair was ever seen with one L4, in a guest or in Xen" };
}
