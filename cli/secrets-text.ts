/** What `pvtwin secrets` prints: tables of bytes by class, and one address explained. */
import { linear_page, type Vpn } from "../abi/frames.js";
import { SECRETS, type SecretClass } from "../xen-model/layout/census.js";
import type { Explanation } from "../xen-model/layout/explain.js";
import type { Alias } from "../xen-model/layout/ret2dir.js";
import type { Difference, Doing, SecretsReport } from "../experiments/secrets/secrets.js";
import type { Bracket } from "../experiments/results.js";
import type { Staircase, StairStep } from "../experiments/secrets/staircase.js";
import type { Weighed } from "../experiments/secrets/weigh.js";
import { bytes, si, signedPercent, signedSi } from "./numbers.js";
import { line } from "./walk.js";
import { wrap } from "./wrap.js";

const TYPES: Record<string, string> = { pv64: "64-bit PV", pv32: "32-bit PV", hvm: "HVM" };
const ROOTS = {
  guest: "the guest's own L4",
  vcpu: "a copy for each vCPU",
  pcpu: "a trimmed copy for each pCPU",
} as const;

/** Rows as columns: the first to the left, the others to the right. */
export function columns(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  const pad = (cell: string, i: number): string =>
    i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!);
  return rows.map((row) => `${row.map(pad).join("  ").trimEnd()}\n`).join("");
}

function doing({ type, mode }: Doing): string {
  return type === null ? "no guest, idle" : `${TYPES[type]}, ${mode}`;
}

/** Zero is what matters most, and stands out. */
function amount(n: number): string {
  return n === 0 ? "-" : bytes(n);
}

export function reportText(report: SecretsReport): string {
  const { proposal, host, root, uniqueL4s, speculation, secretClasses, worst, ret2dir } = report;
  const ignored = [speculation.meltdown ? "U/S" : "", speculation.l1tf ? "P" : ""].filter(
    (bit) => bit !== "",
  );
  const head = ["most that a pCPU reaches in", ...secretClasses];
  const rows = worst.map((row) => [doing(row), ...secretClasses.map((name) => amount(row.classes[name]))]);
  return [
    `${proposal}: ${bytes(host.memoryBytes)}, ${host.pcpus} pCPUs, ${host.domains} domains\n`,
    `%cr3 of a 64-bit PV guest: ${ROOTS[root.inGuest]}; in Xen ${ROOTS[root.inXen]}; `,
    `${uniqueL4s ? "no two pCPUs share one" : "pCPUs may share one"}\n`,
    `layout: ${Object.entries(report.layout)
      .map(([key, value]) => `${key} ${value}`)
      .join(", ")}\n`,
    `speculation ignores: ${ignored.length === 0 ? "neither U/S nor P" : ignored.join(" and ")}\n\n`,
    columns([head, ...rows]),
    `\n${legend(secretClasses)}\n`,
    ret2dirText(ret2dir),
  ].join("");
}

function legend(classes: readonly SecretClass[]): string {
  return classes.map((name) => `${name}: ${SECRETS[name]}`).join("\n");
}

function ret2dirText(aliases: readonly Alias[]): string {
  if (aliases.length === 0)
    return "\nret2dir: Xen maps no byte of the guest on pCPU 0 at an address of its own\n";
  const rows = aliases.map(({ area, bytes: n, page, writable, executable }) => [
    area,
    bytes(n),
    address(page),
    `${writable ? "writable" : "read-only"}${executable ? ", executable" : ""}`,
  ]);
  return `\nret2dir: bytes of the guest on pCPU 0 at Xen's own addresses\n${columns([["area", "bytes", "first at", "rights"], ...rows])}`;
}

function address(page: Vpn): string {
  return `0x${(BigInt(linear_page(page)) << 12n).toString(16)}`;
}

export function weighedText(
  { workload, seconds, modeSeconds, byteSeconds, ghz }: Weighed,
  classes: readonly SecretClass[],
): string {
  const modes = Object.entries(modeSeconds).map(([mode, s]) => `${mode} ${si(s)} s`);
  const rows = classes.map((name) => [name, si(byteSeconds[name])]);
  return `\n${workload}, ${si(seconds)} s: ${modes.join(", ")} (Xen's by cycles at ${ghz} GHz)\n${columns([["class", "byte-seconds"], ...rows])}`;
}

export function diffText({
  a,
  b,
  differences,
}: {
  a: string;
  b: string;
  differences: readonly Difference[];
}): string {
  if (differences.length === 0) return `${a} and ${b}: every pCPU reaches the same in every mode\n`;
  const rows = differences.map((d) => [
    `${doing(d)}: ${d.class}`,
    amount(d.a),
    amount(d.b),
    signed(d.b - d.a),
  ]);
  return columns([["most that a pCPU reaches", a, b, "difference"], ...rows]);
}

function signed(n: number): string {
  return `${n < 0 ? "-" : "+"}${bytes(Math.abs(n))}`;
}

/** Columns of the lines below a staircase. */
const WIDTH = 100;

export function staircaseText(stairs: Staircase, classes: readonly SecretClass[]): string {
  const { proposal, workload, steps, left, leftBecause } = stairs;
  const head = ["step", ...classes, ...(workload === null ? [] : ["cycles", "%"])];
  const taken = steps.filter(({ impossible }) => impossible === undefined);
  const rows = taken.map((step, i) => [
    String(i),
    ...classes.map((name) => amount(step.classes[name] ?? 0)),
    ...(workload === null ? [] : i === 0 ? ["", ""] : [signedSi(step.cycles!.likely), range(step.percent!)]),
  ]);
  const told = taken.map(
    (step, i) => `${i}. ${step.name}${i === 0 ? "" : `: ${effect(step, workload !== null)}`}`,
  );
  const not = steps
    .filter(({ impossible }) => impossible !== undefined)
    .map(({ name, impossible }) => `not possible: ${name}: ${impossible}`);
  return [
    `${proposal}: the most that a pCPU reaches in Xen or idle, step by step to a Xen that maps no secrets\n`,
    workload === null ? "" : `cycles: against the step before, on ${workload}\n`,
    "\n",
    columns([head, ...rows]),
    "\n",
    ...[...told, ...not].map((line) => `${wrap(line, WIDTH).join("\n   ")}\n`),
    ...(left.length === 0 ? ["left in reach: nothing\n"] : []),
    ...left.map((name) => `${wrap(`left in reach: ${name}: ${leftBecause[name]}`, WIDTH).join("\n   ")}\n`),
  ].join("");
}

/** What a step takes out of reach; and, `priced`, what its price does not contain. */
export function effect({ removes, lessens, notCounted }: StairStep, priced: boolean): string {
  const parts = [
    removes.length === 0 ? "" : `takes ${removes.join(", ")} out of reach`,
    lessens.length === 0 ? "" : `leaves less of ${lessens.join(", ")}`,
  ].filter((part) => part !== "");
  const what = parts.length === 0 ? "changes nothing that can be loaded" : parts.join("; ");
  return notCounted === null || !priced ? what : `${what}; the price is without ${notCounted}`;
}

function range({ low, likely, high }: Bracket): string {
  const bare = (n: number): string => signedPercent(n).replace(" %", "");
  return `${bare(likely)} [${bare(low)}..${bare(high)}]`;
}

export function explainText(va: string, { cr3, levels, area, mapped }: Explanation): string {
  const where = area === undefined ? "the guest's part of the address space" : `${area.name}: ${area.what}`;
  const lines = [
    `Pagetable walk from ${va.slice(2).padStart(16, "0")}, %cr3 frame 0x${cr3.toString(16)}:`,
    ...levels.map(line),
  ];
  lines.push(where, ...(area === undefined ? [] : [`since ${area.since}`]));
  if (mapped === undefined) lines.push("not mapped");
  else if (mapped.owner === undefined) lines.push(`frame 0x${mapped.mfn.toString(16)}: no memory`);
  else {
    const { kind, domid, index } = mapped.owner;
    const whose = [kind, domid < 0 ? "" : `of domain ${domid}`, index < 0 ? "" : `number ${index}`].filter(
      (s) => s !== "",
    );
    lines.push(`frame 0x${mapped.mfn.toString(16)}: ${whose.join(" ")}; to this pCPU ${mapped.class}`);
  }
  return `${lines.join("\n")}\n`;
}
