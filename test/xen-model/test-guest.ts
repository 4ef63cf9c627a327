/**
 * The guest that the audit's tests play: a pool of pages and its own tables, as the recorded scripts have them.
 *
 * Pages are p0..p23, each mapped writable once, at home. Frames and entries are written as in the scripts: "p3|0x67".
 */
import type { Vpn } from "../../abi/frames.js";
import { __HYPERVISOR_iret } from "../../abi/hypercalls.js";
import { add_mmu_update, push_mmu_update } from "../../abi/mmu-update.js";
import { GuestMachine } from "../../experiments/replay/guest-machine.js";
import { beginOp, resumeOp, type Result, runOp } from "../../experiments/replay/replay-script.js";
import type { Call, Extended, Op } from "../../experiments/replay/script.js";
import { type AuditRules, XEN_RULES } from "../../xen-model/audit-rules.js";
import { PGT_partial } from "../../xen-model/frame-table.js";
import { brokenInvariants } from "../../xen-model/invariants.js";
import type { Xen } from "../../xen-model/xen.js";
import type { XenConfig } from "../../xen-model/xen-config.js";

/** Xen's rules with one of old, or an invented one. */
export const withRules = (old: Partial<AuditRules>): AuditRules => ({ ...XEN_RULES, ...old });

export class TestGuest {
  readonly machine: GuestMachine;
  readonly xen: Xen;
  /** The calls that vCPUs have begun, and not ended. */
  private readonly begun: (Call | undefined)[] = [undefined, undefined];

  constructor(options: Partial<XenConfig> = {}, pages = 24) {
    this.machine = new GuestMachine(pages, options);
    this.xen = this.machine.xen;
  }

  /** Back to the state after boot. */
  reset(): void {
    this.machine.reset();
    this.begun.fill(undefined);
  }

  /** Do one op of a script; its result, in the scripts' form. */
  do(op: Op): Result {
    return runOp(this.machine, op);
  }

  /** Store entries from index 0 on, at the page's home. */
  write(page: string, ...entries: string[]): void {
    entries.forEach((entry, index) => this.do({ op: "write", page, index, entry }));
  }

  home(access: "rw" | "ro" | "none", ...pages: string[]): number[] {
    return pages.map((page) => this.do({ op: "home", page, access })["rc"] as number);
  }

  /** Fill pages with entries, and map them read-only, so that they may become tables. */
  tables(contents: Record<string, string[]>): void {
    for (const [page, entries] of Object.entries(contents)) this.write(page, ...entries);
    this.home("ro", ...Object.keys(contents));
  }

  mmuext(cmd: Extended["cmd"], frame = "none", vcpu = 0): number {
    return this.do({ op: "mmuext", vcpu, ops: [{ cmd, frame }] })["rc"] as number;
  }

  pin(level: number, frame: string, vcpu = 0): number {
    return this.mmuext(`pin_l${level}`, frame, vcpu);
  }

  unpin(frame: string, vcpu = 0): number {
    return this.mmuext("unpin", frame, vcpu);
  }

  /** One entry by mmu_update. */
  set(table: string, index: number, entry: string, vcpu = 0): number {
    return this.do({ op: "mmu_update", vcpu, updates: [{ cmd: "normal", table, index, entry }] })[
      "rc"
    ] as number;
  }

  entry(table: string, slot: number): string {
    const { mem } = this.machine;
    const frame = this.frame(table);
    return `${this.machine.nameOf(mem.frame(frame, slot))}|0x${mem.flags(frame, slot).toString(16)}`;
  }

  /** Begin a call on `vcpu`; true where it was preempted. */
  begin(vcpu: number, call: Call): boolean {
    this.begun[vcpu] = call;
    return beginOp(this.machine, vcpu, call) === undefined;
  }

  /** The next entry into the call that `vcpu` has begun; its result, or undefined where it was preempted again. */
  resume(vcpu: number): Result | undefined {
    return resumeOp(this.machine, vcpu, this.begun[vcpu]!);
  }

  /** Go on with that call to its end. */
  finish(vcpu: number): Result {
    for (let entries = 0; entries < 1e6; entries++) {
      const result = this.resume(vcpu);
      if (result !== undefined) return result;
    }
    throw new Error(`TestGuest: a call of vcpu ${vcpu} is preempted for ever`);
  }

  /** multicall { iret to user mode; write an entry }, and back. */
  multicallWithIret(table: string, slot: number, page: string): void {
    const calls = this.machine.calls[0]!;
    calls.reset();
    calls.flags[calls.push(__HYPERVISOR_iret)] = 1;
    push_mmu_update(calls);
    add_mmu_update(calls, 0, this.frame(table), slot, this.frame(page), 0x67);
    this.xen.multicall(0, calls, 2);
    if (!this.xen.in_kernel_mode(0)) this.xen.syscall(0);
  }

  frame(name: string): number {
    return this.machine.frameOf(name);
  }

  vpn(page: number): Vpn {
    return this.machine.home36(page);
  }

  isPartial(name: string): boolean {
    return (this.xen.frames.typeFlags[this.frame(name)]! & PGT_partial) !== 0;
  }

  typeCount(name: string): number {
    return this.xen.frames.typeCount[this.frame(name)]!;
  }

  /** Names of the invariants that do not hold now. */
  broken(): string[] {
    return brokenInvariants(this.xen).map((line) => line.slice(0, line.indexOf(":")));
  }
}
