/**
 * A hypercall script as the replayer in the guest reads it: see witness/guest/replayer.c.
 *
 * Differs: accesses in user mode, calls of a page, and what only a 32-bit guest does are not played; their results say so.
 */
import { UVMF_LOCAL } from "../abi/update-va-mapping.js";
import { DOMID_SELF } from "../abi/hypercalls.js";
import { extendedCommand, HOME_FLAGS, updateCommand, UVMF } from "../experiments/replay/call-numbers.js";
import type { Call, Extended, Op, Script, Update } from "../experiments/replay/script.js";

/** Home address of p0, as in all recordings, and its number in the guest's memory. */
const HOME = 0xffffffff80400000n;
export const POOL_PFN = 0x400;

/** The guest's text of `script`. */
export function replayText(script: Script): string {
  const lines = script.ops.flatMap((op) => (isPlayed(op) ? [`${op.vcpu ?? 0} ${opText(op)}`] : []));
  return `${[`script ${script.name} ${script.pages}`, ...lines].join("\n")}\n`;
}

/** Has the replayer a way to do `op`, and did the recorder, where there was one? */
export function isPlayed(op: Op): boolean {
  if (isSkipped(op)) return false;
  if (op.op === "probe_exec" || op.op === "kernel_l2" || op.op === "clean") return false;
  return !("mode" in op && op.mode === "user");
}

/** Did the recorder leave `op` out? */
export function isSkipped(op: Op): boolean {
  return (op.result as { skipped?: string } | undefined)?.skipped !== undefined;
}

function opText(op: Op): string {
  switch (op.op) {
    case "home":
    case "update_va_mapping":
    case "mmu_update":
    case "mmuext":
      return callText(op);
    case "multicall":
      return [`c ${hex(op.calls.length)}`, ...op.calls.map(callText)].join("\n");
    case "set_gdt":
      return ["g", hex(op.entries), ...op.frames.map((name) => `=${name}`)].join(" ");
    case "initialise":
      return ["i", hex(op.target), `=${op.frame}`, `=${op.user ?? "none"}`].join(" ");
    case "write":
      return `${flushed("w", op)} ${address(op.page, op.index)} ${entryText(op.entry)}`;
    case "read":
      return `${flushed("r", op)} ${address(op.page, op.index)}`;
    case "dump":
      return `${flushed("d", op)} ${address(op.page, 0)}`;
    case "probe_read":
      return `${flushed("r", op)} ${hex(linear(op.va))}`;
    case "probe_write":
      return `${flushed("w", op)} ${hex(linear(op.va))} ${entryText(op.entry ?? "none|0x0")}`;
    case "m2p":
      return `p =${op.frame}`;
    default:
      return "n";
  }
}

/** An access, behind a flush unless what Xen flushed by itself is to be seen: a capital says so. */
function flushed(letter: string, op: Op): string {
  return op.noflush === true ? letter : letter.toUpperCase();
}

function callText(call: Call): string {
  switch (call.op) {
    case "home": {
      const flags = HOME_FLAGS[call.access];
      const entry = `${flags === 0 ? "none" : call.page}|${flags.toString(16)}`;
      return mapText(address(call.page, 0), entry, UVMF[call.flush ?? "invlpg_all"], call.mask);
    }
    case "update_va_mapping":
      return mapText(hex(linear(call.va)), entryText(call.entry), UVMF[call.flush ?? "none"], call.mask);
    case "mmu_update":
      return ["m", hex(call.domid ?? DOMID_SELF), ...call.updates.map(updateText)].join(" ");
    case "mmuext":
      return ["x", hex(call.domid ?? DOMID_SELF), ...call.ops.map(extendedText)].join(" ");
  }
}

function mapText(va: string, entry: string, flags: number, mask: number | undefined): string {
  return [
    "v",
    va,
    entry,
    hex(flags & ~UVMF_LOCAL),
    ...(mask === undefined ? [] : [`&${mask.toString(16)}`]),
  ].join(" ");
}

function updateText(u: Update): string {
  const at = ((u.index ?? 0) * 8 + updateCommand(u)).toString(16);
  const value =
    u.gpfn === undefined
      ? entryText(u.entry ?? "none|0x0")
      : u.gpfn.startsWith("p")
        ? hex(POOL_PFN + Number(u.gpfn.slice(1)))
        : hex(BigInt(u.gpfn));
  return `${u.table}|${u.gpfn === undefined ? at : updateCommand(u).toString(16)} ${value}`;
}

function extendedText(op: Extended): string {
  const first = op.va === undefined ? `=${op.frame ?? "none"}` : hex(linear(op.va));
  const second =
    op.mask !== undefined
      ? `&${op.mask.toString(16)}`
      : op.src === undefined
        ? hex(op.ents ?? 0)
        : `=${op.src}`;
  return `${hex(extendedCommand(op))} ${first} ${second}`;
}

function entryText(entry: string): string {
  return entry.replace("|0x", "|");
}

function address(page: string, index: number): string {
  return hex(linear(`${page}+0x${(index * 8).toString(16)}`));
}

function linear(va: string): bigint {
  const home = /^p(\d+)\+(0x[0-9a-f]+)$/.exec(va);
  if (home !== null) return HOME + BigInt(home[1]!) * 4096n + BigInt(home[2]!);
  return BigInt(va);
}

function hex(value: number | bigint): string {
  return `#${value.toString(16)}`;
}
