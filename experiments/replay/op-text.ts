/**
 * An op of a script, and its result, in Xen's words: the calls as xen/include/public/xen.h names them.
 */
import type { Result } from "./replay-script.js";
import type { Call, Extended, Flush, Op, Update } from "./script.js";

const UPDATES = [
  "MMU_NORMAL_PT_UPDATE",
  "MMU_MACHPHYS_UPDATE",
  "MMU_PT_UPDATE_PRESERVE_AD",
  "MMU_PT_UPDATE_NO_TRANSLATE",
];
const UPDATE_NAMES: Record<string, string> = {
  normal: UPDATES[0]!,
  machphys: UPDATES[1]!,
  preserve_ad: UPDATES[2]!,
  no_translate: UPDATES[3]!,
};

const EXTENDED: Record<string, string> = {
  unpin: "MMUEXT_UNPIN_TABLE",
  ...Object.fromEntries([1, 2, 3, 4].map((level) => [`pin_l${level}`, `MMUEXT_PIN_L${level}_TABLE`])),
};

const FLUSHES: Record<Flush, string> = {
  none: "UVMF_NONE",
  tlb_local: "UVMF_TLB_FLUSH | UVMF_LOCAL",
  tlb_all: "UVMF_TLB_FLUSH | UVMF_ALL",
  tlb_multi: "UVMF_TLB_FLUSH | UVMF_MULTI",
  invlpg_local: "UVMF_INVLPG | UVMF_LOCAL",
  invlpg_all: "UVMF_INVLPG | UVMF_ALL",
  invlpg_multi: "UVMF_INVLPG | UVMF_MULTI",
};

const HOME = { rw: "|0x67", ro: "|0x65", none: "" } as const;

/** The lines of an op: one, or one for each part of a batch. */
export function opLines(op: Op): string[] {
  switch (op.op) {
    case "multicall":
      return ["multicall", ...op.calls.flatMap((call) => opLines(call).map((line) => `  ${line}`))];
    case "home":
    case "update_va_mapping":
    case "mmu_update":
    case "mmuext":
      return callLines(op);
    case "set_gdt":
      return [`set_gdt(${op.frames.join(", ")}; ${op.entries} entries)`];
    case "write":
      return [`store ${op.entry} to ${op.page}[${op.index}]`];
    case "read":
      return [`load ${op.page}[${op.index}]`];
    case "dump":
      return [`load all of ${op.page}`];
    case "kernel_l2":
      return [`store the kernel's entries of base_l2 to ${op.page}`];
    case "probe_read":
      return [`load ${op.va}${mode(op)}`];
    case "probe_write":
      return [`store ${op.entry ?? "none|0x0"} to ${op.va}${mode(op)}`];
    case "probe_exec":
      return [`call ${op.va}${mode(op)}`];
    case "m2p":
      return [`load machine_to_phys_mapping[${op.frame}]`];
    case "initialise":
      return [
        `VCPUOP_initialise(vcpu ${op.target}, ${[op.frame, op.user].filter((f) => f !== undefined).join(", user ")})`,
      ];
    case "nop":
    case "clean":
      return [op.op];
  }
}

function mode(op: { mode?: "user" | "kernel" | undefined }): string {
  return op.mode === "user" ? ", in user mode" : "";
}

function callLines(call: Call): string[] {
  switch (call.op) {
    case "home": {
      const entry = call.access === "none" ? "0" : `${call.page}${HOME[call.access]}`;
      return [
        `update_va_mapping(${call.page}'s home, ${entry}, ${FLUSHES[call.flush ?? "invlpg_all"]}${mask(call)})`,
      ];
    }
    case "update_va_mapping":
      return [`update_va_mapping(${call.va}, ${call.entry}, ${FLUSHES[call.flush ?? "none"]}${mask(call)})`];
    case "mmu_update":
      return batch(`mmu_update${domain(call)}`, call.updates.map(updateText));
    case "mmuext":
      return batch(`mmuext_op${domain(call)}`, call.ops.map(extendedText));
  }
}

function batch(name: string, parts: string[]): string[] {
  return parts.length === 1 ? [`${name}: ${parts[0]}`] : [name, ...parts.map((part, i) => `  ${i} ${part}`)];
}

function mask(call: { mask?: number | undefined }): string {
  return call.mask === undefined ? "" : ` 0x${call.mask.toString(16)}`;
}

function domain(call: { domid?: number | undefined }): string {
  return call.domid === undefined ? "" : ` for domain 0x${call.domid.toString(16)}`;
}

function updateText(u: Update): string {
  const cmd = typeof u.cmd === "number" ? (UPDATES[u.cmd] ?? `command ${u.cmd}`) : UPDATE_NAMES[u.cmd]!;
  if (u.gpfn !== undefined) return `${cmd} ${u.table} = ${u.gpfn}`;
  return `${cmd} ${u.table}[${u.index ?? 0}] = ${u.entry ?? "none|0x0"}`;
}

function extendedText(op: Extended): string {
  const cmd =
    typeof op.cmd === "number" ? `command ${op.cmd}` : (EXTENDED[op.cmd] ?? `MMUEXT_${op.cmd.toUpperCase()}`);
  const parts = [op.frame, op.src === undefined ? undefined : `from ${op.src}`, op.va];
  if (op.ents !== undefined) parts.push(`${op.ents} entries`);
  if (op.mask !== undefined) parts.push(`vCPUs 0x${op.mask.toString(16)}`);
  return [cmd, ...parts.filter((part) => part !== undefined)].join(" ");
}

interface Told {
  readonly rc?: number;
  readonly err?: string;
  readonly done?: number | null;
  readonly calls?: readonly Result[];
  readonly fault?: { readonly vector: number; readonly error: string; readonly cr2: string };
  readonly value?: string;
  readonly gpfn?: string;
  readonly entries?: object;
}

/** A result on one line: "-EINVAL, 1 done", "ok p3|0x67", "#PF, error code 0x3, at 0xffffffff80401000". */
export function resultText(result: Result): string {
  const { rc, err, done, calls, fault, value, gpfn, entries } = result as Told;
  if (fault !== undefined)
    return fault.vector === 14 ? `#PF, error code ${fault.error}, at ${fault.cr2}` : "#GP";
  if (rc !== undefined) {
    const code = err === undefined ? String(rc) : `-${err}`;
    if (calls !== undefined) return `${code} [${calls.map(resultText).join("; ")}]`;
    return done === undefined ? code : `${code}, ${done === null ? "*pdone not written" : `${done} done`}`;
  }
  if (entries !== undefined) return `ok, ${Object.keys(entries).length} entries`;
  return ["ok", value ?? gpfn].filter((part) => part !== undefined).join(" ");
}
