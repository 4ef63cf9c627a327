/**
 * Which proposals keep the promise under generated work, and by which shortest history the others break it.
 */
import type { Proposal } from "../../abi/proposal.js";
import { bootedMachine } from "../../machine/fixtures.js";
import {
  type MachineInvariant,
  onePcpuPerL4InGuest,
  onePcpuPerL4InXen,
  onePcpuPerUserL4,
} from "../../machine/invariants.js";
import { sayOp, shortestHistory } from "./shortest-history.js";

export interface PromiseRow {
  readonly proposal: string;
  readonly inGuest: boolean;
  readonly inXen: boolean;
  /** Shortest histories found: on tables of a process, and on any tables; undefined where there is none. */
  readonly process: readonly string[] | undefined;
  readonly any: readonly string[] | undefined;
}

/** Search for histories on two vCPUs. The same proposals give the same rows. */
export function promiseTable(proposals: readonly Proposal[]): PromiseRow[] {
  return proposals.map((proposal) => {
    const history = (invariant: MachineInvariant): readonly string[] | undefined => {
      return shortestHistory(bootedMachine(proposal), invariant)?.ops.map(sayOp);
    };
    const guest = history(onePcpuPerL4InGuest);
    const xen = history(onePcpuPerL4InXen);
    return {
      proposal: proposal.name,
      inGuest: guest === undefined,
      inXen: xen === undefined,
      process: history(onePcpuPerUserL4),
      any: guest ?? xen,
    };
  });
}

/** As a Markdown table. */
export function renderPromiseTable(rows: readonly PromiseRow[]): string {
  const say = (history: readonly string[] | undefined): string =>
    history === undefined
      ? "none found"
      : history.length === 0
        ? "boot and the first process"
        : history.join(", ");
  const lines = rows.map(({ proposal, inGuest, inXen, process, any }) => {
    const keeps = inXen && inGuest ? "always" : inGuest ? "only in guest mode" : "no";
    return `| \`${proposal}\` | ${keeps} | ${say(process)} | ${say(any)} |`;
  });
  return [
    "| proposal | keeps the promise | broken on a process's tables by | broken on any tables by |",
    "| --- | --- | --- | --- |",
    ...lines,
    "",
  ].join("\n");
}
