/**
 * Replays a script on the Xen twin, op by op, and compares each result with the recorded one.
 */
import { ERESTART, errnoName } from "../../abi/errno.js";
import type { Vpn } from "../../abi/frames.js";
import { type CallBuffer, DOMID_SELF } from "../../abi/hypercalls.js";
import { add_mmu_update, push_mmu_update } from "../../abi/mmu-update.js";
import * as ext from "../../abi/mmuext-op.js";
import { _PAGE_PRESENT, PAGE_FLAGS_MASK } from "../../abi/page.js";
import { push_set_gdt } from "../../abi/set-gdt.js";
import * as uvm from "../../abi/update-va-mapping.js";
import { ACCESS_FETCH, ACCESS_READ, ACCESS_WRITE, type Access } from "../../xen-model/hw/control.js";
import { COMPAT_L2_PAGETABLE_FIRST_XEN_SLOT } from "../../xen-model/slots.js";
import type { XenConfig } from "../../xen-model/xen-config.js";
import { GuestMachine } from "./guest-machine.js";
import { extendedCommand, HOME_FLAGS, updateCommand, UVMF } from "./call-numbers.js";
import { sameResult } from "./same-result.js";
import { type Call, type Extended, is_pv_32bit, type Op, type Script, type Update } from "./script.js";

/** A result, in the recordings' form. */
export type Result = Record<string, unknown>;

export interface Difference {
  readonly script: string;
  readonly op: number;
  readonly recorded: unknown;
  readonly modelled: Result;
}

/** Run `script` from its initial state; `onOp` sees each op with both results; `run` does one. */
export function replayScript(
  machine: GuestMachine,
  script: Script,
  onOp: (index: number, op: Op, modelled: Result | undefined, equal: boolean) => void,
  run: (machine: GuestMachine, op: Op) => Result = runOp,
): void {
  machine.reset();
  script.ops.forEach((op, index) => {
    const recorded = op.result as Result;
    if (recorded["skipped"] !== undefined) {
      // before it refused to call what is no `ret`, the recorder had loaded from there
      if (recorded["skipped"] === "not_ret" && op.op === "probe_exec")
        probe(machine, op.vcpu ?? 0, { ...op, op: "probe_read" });
      onOp(index, op, undefined, true);
      return;
    }
    const { refusals } = machine.xen;
    const before = refusals.total[0]!;
    const modelled = run(machine, op);
    const refused = refusals.total[0]! - before;
    if (refused > 0)
      modelled["log"] = refusals
        .records()
        .slice(-refused)
        .map((refusal) => machine.consoleLine(refusal, op.vcpu ?? 0));
    onOp(index, op, modelled, sameResult(machine, modelled, recorded));
  });
}

/** The machine that `script` was recorded on, with the rest of Xen as `config` says. */
export function machineOf(script: Script, config: Partial<XenConfig>): GuestMachine {
  const { pages, vcpus, exclusive = false } = script;
  const own = { nrVcpus: Math.max(vcpus, 2), exclusive: exclusive ? "enforce" : "off" } as const;
  return new GuestMachine(pages, { ...config, pv32: is_pv_32bit(script), ...own }, exclusive);
}

const ACCESSES: ReadonlySet<Op["op"]> = new Set([
  "write",
  "read",
  "dump",
  "probe_read",
  "probe_write",
  "probe_exec",
]);

/** Do `op` on the machine, to its end. */
export function runOp(m: GuestMachine, op: Op): Result {
  const vcpu = op.vcpu ?? 0;
  const { xen } = m;
  const calls = m.calls[vcpu]!;
  calls.reset();
  m.fault = undefined;
  // what an access finds depends on the tables alone, unless the guest counts on a flush of Xen's
  if (ACCESSES.has(op.op) && op.noflush !== true) xen.tlb?.mov_to_cr4(xen.vcpus.pcpu[vcpu]!);
  switch (op.op) {
    case "home":
    case "update_va_mapping":
    case "mmu_update":
    case "mmuext": {
      const row = push(m, calls, op);
      xen.hypercall(vcpu, calls, row);
      return callResult(calls, row, op.op);
    }
    case "multicall": {
      const rows = op.calls.map((call) => push(m, calls, call));
      const rc = xen.multicall(vcpu, calls, rows.length);
      return { rc, calls: rows.map((row, i) => callResult(calls, row, op.calls[i]!.op)) };
    }
    case "set_gdt": {
      const row = push_set_gdt(
        calls,
        [...op.frames.map((name) => m.frameOf(name)), ...Array<number>(16 - op.frames.length).fill(0)],
        op.entries,
      );
      xen.hypercall(vcpu, calls, row);
      return callResult(calls, row, op.op);
    }
    case "write":
      return store(m, vcpu, m.home36(Number(op.page.slice(1))), op.index, op.entry, false, undefined);
    case "read":
      return load(m, vcpu, m.home36(Number(op.page.slice(1))), op.index, false, undefined);
    case "dump":
      if (op.page.startsWith("base_")) return { ok: true, entries: entriesOf(m, m.frameOf(op.page)) };
      return dump(m, vcpu, m.home36(Number(op.page.slice(1))));
    case "probe_read":
    case "probe_write":
    case "probe_exec":
      return probe(m, vcpu, op);
    case "initialise": {
      const user = op.user === undefined ? 0 : m.frameOf(op.user);
      const rc = xen.vcpu_initialise(op.target, m.frameOf(op.frame), user);
      return rc === 0 ? { rc } : { rc, err: errnoName(rc) };
    }
    case "m2p":
      return { ok: true, gpfn: gpfnName(m, xen.frames.m2p[m.frameOf(op.frame)]!) };
    case "kernel_l2":
      return kernelL2(m, vcpu, m.home36(Number(op.page.slice(1))));
    case "clean":
    case "nop":
      return { ok: true };
  }
}

/**
 * Make the call `call` on `vcpu` up to its first preemption. Undefined: it was preempted, and resumeOp() is what the
 * guest does next, or after whatever else it does on other vCPUs.
 */
export function beginOp(m: GuestMachine, vcpu: number, call: Call): Result | undefined {
  const calls = m.calls[vcpu]!;
  calls.reset();
  const row = push(m, calls, call);
  return m.xen.begin_hypercall(vcpu, calls, row) === -ERESTART ? undefined : callResult(calls, row, call.op);
}

/** Go on with the call that `vcpu` has begun; as beginOp(). */
export function resumeOp(m: GuestMachine, vcpu: number, call: Call): Result | undefined {
  const calls = m.calls[vcpu]!;
  return m.xen.resume_hypercall(vcpu, calls, 0) === -ERESTART ? undefined : callResult(calls, 0, call.op);
}

/** Put a call into the buffer; returns its row. */
function push(m: GuestMachine, calls: CallBuffer, call: Call): number {
  switch (call.op) {
    case "home": {
      const index = Number(call.page.slice(1));
      const flags = HOME_FLAGS[call.access];
      const frame = flags === 0 ? 0 : m.frameOf(call.page);
      return uvm.push_update_va_mapping(
        calls,
        m.home52(index),
        frame,
        flags,
        UVMF[call.flush ?? "invlpg_all"],
        call.mask,
      );
    }
    case "update_va_mapping": {
      const { frame, flags } = m.entryOf(call.entry);
      return uvm.push_update_va_mapping(
        calls,
        linearPageOf(m, call.va),
        frame,
        flags,
        UVMF[call.flush ?? "none"],
        call.mask,
      );
    }
    case "mmu_update": {
      const row = push_mmu_update(calls, call.domid ?? DOMID_SELF);
      for (const update of call.updates) pushUpdate(m, calls, update);
      return row;
    }
    case "mmuext": {
      const row = ext.push_mmuext_op(calls, call.domid ?? DOMID_SELF);
      for (const op of call.ops) pushExtended(m, calls, op);
      return row;
    }
  }
}

function pushUpdate(m: GuestMachine, calls: CallBuffer, u: Update): void {
  const cmd = updateCommand(u);
  const table = m.frameOf(u.table);
  if (u.gpfn !== undefined) {
    add_mmu_update(calls, cmd, table, 0, u.gpfn.startsWith("p") ? m.frameOf(u.gpfn) : Number(u.gpfn), 0);
    return;
  }
  const { frame, flags } = m.entryOf(u.entry ?? "none|0x0");
  add_mmu_update(calls, cmd, table, u.index ?? 0, frame, flags);
}

function pushExtended(m: GuestMachine, calls: CallBuffer, op: Extended): void {
  const cmd = extendedCommand(op);
  const address = op.va === undefined ? 0n : BigInt.asUintN(64, BigInt(addressText(m, op.va)));
  const page = op.va === undefined ? 0 : Number(address >> 12n);
  const frame = cmd === ext.MMUEXT_SET_LDT ? Number(address & 0xfffn) : m.frameOf(op.frame ?? "none");
  const arg = op.mask ?? op.ents ?? (op.src === undefined ? 0 : m.frameOf(op.src));
  ext.add_mmuext_op(calls, cmd, frame, page, arg);
}

function callResult(calls: CallBuffer, row: number, op: string): Result {
  const rc = calls.rc[row]!;
  const result: Result = { rc };
  if (rc < 0) result["err"] = errnoName(rc);
  if (op === "mmu_update" || op === "mmuext") result["done"] = calls.done[row]! < 0 ? null : calls.done[row];
  return result;
}

type ProbeOp = Extract<Op, { op: "probe_read" | "probe_write" | "probe_exec" }>;

function probe(m: GuestMachine, vcpu: number, op: ProbeOp): Result {
  const address = BigInt.asUintN(64, BigInt(addressText(m, op.va)));
  if (BigInt.asUintN(64, BigInt.asIntN(48, address)) !== address) {
    return { fault: { vector: 13, error: "0x0", cr2: "0x0" } };
  }
  const page = Number(BigInt.asUintN(36, address >> 12n)) as Vpn;
  const slot = Number((address & 0xfffn) >> 3n);
  const user = op.mode === "user";
  if (op.op === "probe_read") return load(m, vcpu, page, slot, user, address);
  if (op.op === "probe_write" && (address & 7n) !== 0n)
    return storeUnaligned(m, vcpu, address, op.entry ?? "none|0x0", user);
  if (op.op === "probe_write") return store(m, vcpu, page, slot, op.entry ?? "none|0x0", user, address);
  inMode(m, vcpu, user, () => m.xen.access(vcpu, page, ACCESS_READ, user));
  const error = inMode(m, vcpu, user, () => m.xen.access(vcpu, page, ACCESS_FETCH, user));
  return error < 0 ? { ok: true } : faultResult(error, address);
}

function load(
  m: GuestMachine,
  vcpu: number,
  page: Vpn,
  slot: number,
  user: boolean,
  address: bigint | undefined,
): Result {
  const error = access(m, vcpu, page, ACCESS_READ, user);
  if (error >= 0) return faultResult(error, address ?? m.address(page, slot));
  if (user) return { ok: true };
  return { ok: true, value: entryText(m, m.xen.accessed(), slot), known: m.isKnown(m.xen.accessed()) };
}

function store(
  m: GuestMachine,
  vcpu: number,
  page: Vpn,
  slot: number,
  text: string,
  user: boolean,
  address: bigint | undefined,
): Result {
  const { frame, flags } = m.entryOf(text);
  const rc = inMode(m, vcpu, user, () => m.xen.store(vcpu, page, slot, frame, flags));
  return rc === 0 ? { ok: true } : faultResult(m.fault!.error, address ?? m.address(page, slot));
}

/** A store over two entries, perhaps of two pages: writable pagetables take none of these, so it needs writable mappings. */
function storeUnaligned(m: GuestMachine, vcpu: number, address: bigint, text: string, user: boolean): Result {
  const { frame, flags } = m.entryOf(text);
  const value = joined(frame, flags);
  const places: { table: number; slot: number }[] = [];
  for (const part of [address & ~7n, (address & ~7n) + 8n]) {
    const page = Number(BigInt.asUintN(36, part >> 12n)) as Vpn;
    const error = access(m, vcpu, page, ACCESS_WRITE, user);
    if (error >= 0) return faultResult(error, part < address ? address : part);
    places.push({ table: m.xen.accessed(), slot: Number((part & 0xfffn) >> 3n) });
  }
  const shift = (address & 7n) * 8n;
  const low = (1n << shift) - 1n;
  places.forEach(({ table, slot }, i) => {
    if (!m.xen.frames.mfn_valid(table)) return; // a device keeps nothing
    const old = joined(m.mem.frame(table, slot), m.mem.flags(table, slot));
    const merged =
      i === 0 ? (old & low) | BigInt.asUintN(64, value << shift) : (old & ~low) | (value >> (64n - shift));
    m.mem.set(
      table,
      slot,
      Number((merged >> 12n) & 0xffffffffffn),
      Number(merged & 0xfffn) | Number((merged >> 52n) << 12n),
    );
  });
  return { ok: true };
}

function joined(frame: number, flags: number): bigint {
  return (BigInt(frame) << 12n) | BigInt(flags & 0xfff) | (BigInt(flags >>> 12) << 52n);
}

function dump(m: GuestMachine, vcpu: number, page: Vpn): Result {
  const error = access(m, vcpu, page, ACCESS_READ, false);
  if (error >= 0) return faultResult(error, m.address(page, 0));
  return { ok: true, entries: entriesOf(m, m.xen.accessed()) };
}

function entriesOf(m: GuestMachine, frame: number): Record<string, string> {
  const entries: Record<string, string> = {};
  for (let slot = 0; slot < 512; slot++) {
    if (m.mem.flags(frame, slot) !== 0 || m.mem.frame(frame, slot) !== 0)
      entries[slot] = entryText(m, frame, slot);
  }
  return entries;
}

/** The guest stores its kernel's mappings, the present entries of base_l2 that are not Xen's, to `page`. */
function kernelL2(m: GuestMachine, vcpu: number, page: Vpn): Result {
  const l2 = m.frameOf("base_l2");
  for (let slot = 0; slot < COMPAT_L2_PAGETABLE_FIRST_XEN_SLOT; slot++) {
    if ((m.mem.flags(l2, slot) & _PAGE_PRESENT) === 0) continue;
    const rc = m.xen.store(vcpu, page, slot, m.mem.frame(l2, slot), KERNEL_L2E);
    if (rc !== 0) return faultResult(m.fault!.error, m.address(page, slot));
  }
  return { ok: true };
}

const KERNEL_L2E = 0x67;

function access(m: GuestMachine, vcpu: number, page: Vpn, kind: Access, user: boolean): number {
  return inMode(m, vcpu, user, () => m.xen.access(vcpu, page, kind, user));
}

/** Do `act` with the vCPU in the mode asked for. */
function inMode(m: GuestMachine, vcpu: number, user: boolean, act: () => number): number {
  const { xen } = m;
  if (user) xen.iret(vcpu, true);
  const answer = act();
  if (!xen.in_kernel_mode(vcpu)) xen.syscall(vcpu);
  return answer;
}

function faultResult(error: number, address: bigint): Result {
  return { fault: { vector: 14, error: `0x${error.toString(16)}`, cr2: `0x${address.toString(16)}` } };
}

function addressText(m: GuestMachine, va: string): string {
  const match = /^p(\d+)\+(0x[0-9a-f]+)$/.exec(va);
  if (match === null) return va;
  return `0x${(m.address(m.home36(Number(match[1])), 0) + BigInt(match[2]!)).toString(16)}`;
}

/** Linear address >> 12, all 52 bits. */
function linearPageOf(m: GuestMachine, va: string): number {
  return Number(BigInt(addressText(m, va)) >> 12n);
}

function entryText(m: GuestMachine, table: number, slot: number): string {
  const flags = m.mem.flags(table, slot) & PAGE_FLAGS_MASK;
  const high = flags >>> 12; // entry bits 63:52, with 40 frame bits between
  const low = (flags & 0xfff).toString(16);
  const bits = high === 0 ? low : `${high.toString(16)}${low.padStart(13, "0")}`;
  return `${m.nameOf(m.mem.frame(table, slot))}|0x${bits}`;
}

function gpfnName(m: GuestMachine, gpfn: number): string {
  const name = m.nameOf(gpfn);
  return /^p\d+$/.test(name) ? name : `0x${gpfn.toString(16)}`;
}
