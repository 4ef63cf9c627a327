/**
 * The calls that wait in a vCPU's multicall buffer, in a checked state, and where Xen is in them. What was made is dead.
 *
 * Differs: calls that touch no pagetable never wait at the end of an action, so there are three kinds.
 */
import { linear_page } from "../../abi/frames.js";
import {
  __HYPERVISOR_mmu_update,
  __HYPERVISOR_mmuext_op,
  type CallBuffer,
  DOMID_SELF,
} from "../../abi/hypercalls.js";
import { MMU_NORMAL_PT_UPDATE } from "../../abi/mmu-update.js";
import { MMUEXT_INVLPG_LOCAL, MMUEXT_INVLPG_MULTI, MMUEXT_TLB_FLUSH_MULTI } from "../../abi/mmuext-op.js";
import { _PAGE_RW, LEVEL_PAGES } from "../../abi/page.js";
import { _PAGE_TABLE, direct_map, PAGE_KERNEL, PAGE_KERNEL_RO } from "../../linux-mm-model/xen/prot.js";
import { MMU_UPDATE_PREEMPTED } from "../../xen-model/continuation.js";
import { Cells, CPUS, PLAIN, type Row, SLOT } from "./cells.js";
import type { FrameNames } from "./frame-names.js";
import { placesOf } from "./places.js";
import type { PvRegisters } from "./registers.js";
import { pairsWaiting } from "./replica-order.js";
import type { Scene } from "./scene.js";

/** In the first request of a call that has its result already: continuation.ts. */
const NULL = 0xffff;

/** Calls, and requests of mmuext_op, that wait in a vCPU's buffer at most; more is an error of the scene. */
const MAX_CALLS = 3;
const MAX_OPS = 4;
/** Besides one for each L3, where an mm is pinned at once. */
const MAX_CALLS_OF_PIN = 8;

const SLOT_PAGES = LEVEL_PAGES[4];

export class CallCodec {
  /** Where the buffer is being looked at, and where in its current call Xen is. */
  private readonly where: Cells[] = [];
  private readonly inCall: Cells[] = [];
  private readonly mostUpdates: number;
  private readonly mostCalls: number;

  constructor(
    private readonly scene: Scene,
    private readonly regs: PvRegisters,
    private readonly names: FrameNames,
  ) {
    const { machine, bounds } = scene;
    this.mostCalls = bounds.comeAndGo === true ? MAX_CALLS_OF_PIN + bounds.slots : MAX_CALLS;
    this.mostUpdates = 2 + 2 * Math.max(bounds.vcpus, bounds.threads, bounds.slots);
    const { requests: r } = machine.xen;
    for (let cpu = 0; cpu < bounds.vcpus; cpu++) {
      const { calls, cbidx } = machine.linux.mc[cpu]!;
      const where = new Cells(machine.state.buffer);
      where.u8(regs.inXen, cpu);
      where.u8(regs.row, cpu);
      where.u8(regs.xenPc, cpu);
      where.i32(cbidx, 0);
      where.i32(calls.used, 1);
      where.i32(calls.used, 2);
      this.where.push(where);
      const inCall = new Cells(machine.state.buffer);
      inCall.u8(r.part, cpu);
      inCall.u8(r.resumed, cpu);
      inCall.u8(r.roots, cpu);
      inCall.i32(r.pcpus, cpu, CPUS);
      inCall.i32(r.rc, cpu);
      this.inCall.push(inCall);
    }
  }

  /** Places that tell whether a vCPU makes calls. */
  places(cpu: number): number[] {
    const { calls, argidx, failed } = this.scene.machine.linux.mc[cpu]!;
    return [
      ...this.where[cpu]!.places(),
      ...placesOf(argidx, 0, 1),
      ...placesOf(failed, 0, 1),
      ...placesOf(calls.used, 0, 3),
    ];
  }

  /** Places that matter only where it makes any. */
  placesOfCalls(cpu: number): number[] {
    const { machine } = this.scene;
    const { calls, cb_fn, cb_data } = machine.linux.mc[cpu]!;
    const { op, rc, first, count, domid, frame, uvmf, flags, va } = calls;
    const { mu_table, mu_slot, mu_cmd, mu_frame, mu_flags, mx_cmd, mx_mfn, mx_va, mx_arg } = calls;
    const { requests: r } = machine.xen;
    const places = (n: number, ...rows: readonly Row[]): number[] =>
      rows.flatMap((row) => placesOf(row, 0, n));
    return [
      ...this.inCall[cpu]!.places(),
      ...[r.row, r.first, r.count, r.i].flatMap((row) => placesOf(row, cpu, cpu + 1)),
      ...places(this.mostCalls, cb_fn, cb_data, op, rc, first, count, domid, frame, uvmf, flags, va),
      ...places(this.mostUpdates, mu_table, mu_slot, mu_cmd, mu_frame, mu_flags),
      ...places(MAX_OPS, mx_cmd, mx_mfn, mx_va, mx_arg),
    ];
  }

  /** Does a vCPU make calls? */
  makesCalls(cpu: number): boolean {
    return this.scene.machine.linux.mc[cpu]!.calls.used[0] !== 0;
  }

  write(cpu: number, to: Uint8Array, at: number, map: Uint8Array): number {
    const { machine } = this.scene;
    const { regs, names } = this;
    const { calls, cbidx, cb_fn, cb_data, failed } = machine.linux.mc[cpu]!;
    const r = machine.xen.requests;
    let p = at;
    const used = calls.used[0]!;
    to[p++] = used;
    to[p++] = failed[0]!;
    if (used === 0) return p;
    if (used > this.mostCalls || calls.used[1]! > this.mostUpdates || calls.used[2]! > MAX_OPS)
      throw new RangeError(`CallCodec: ${used} calls are queued; raise what it has room for`);
    p = this.where[cpu]!.write(to, p, map, names);
    for (let i = 0; i < cbidx[0]!; i++) {
      to[p++] = cb_fn[i]!;
      to[p++] = names.name(cb_data[i]!);
    }
    const current = regs.inXen[cpu] !== 0 ? regs.row[cpu]! : -1;
    const begun = current >= 0 && regs.xenPc[cpu] !== 0;
    if (begun) {
      p = this.inCall[cpu]!.write(to, p, map, names);
      to[p++] = r.first[cpu]!;
      to[p++] = r.count[cpu]!;
      to[p++] = r.i[cpu]!;
    }
    for (let row = 0; row < used; row++) {
      to[p++] = calls.op[row]!;
      to[p++] = -calls.rc[row]!;
      if (row < current) continue;
      p = this.writeCall(calls, row, row === current && begun ? r.first[cpu]! + r.i[cpu]! : 0, to, p, map);
    }
    return p;
  }

  private writeCall(
    calls: CallBuffer,
    row: number,
    made: number,
    to: Uint8Array,
    at: number,
    map: Uint8Array,
  ): number {
    const { names } = this;
    const op = calls.op[row]!;
    let p = at;
    if (op !== __HYPERVISOR_mmu_update && op !== __HYPERVISOR_mmuext_op) {
      // update_va_mapping of a frame's own page in the direct map
      to[p++] = names.name(calls.frame[row]!);
      to[p++] = calls.uvmf[row]!;
      to[p++] = calls.flags[row] === PAGE_KERNEL ? 1 : 0;
      return p;
    }
    // done but for an old table: its result is left
    const isOver = calls.first[row] === NULL;
    to[p++] = isOver ? 1 : (calls.count[row]! & MMU_UPDATE_PREEMPTED) === 0 ? 0 : 2;
    if (isOver) {
      to[p++] = -calls.domid[row]!;
      return p;
    }
    const count = calls.count[row]! & ~MMU_UPDATE_PREEMPTED;
    const first = calls.first[row]!;
    const end = first + count;
    const next = Math.max(first, made);
    to[p++] = first;
    to[p++] = count;
    if (op === __HYPERVISOR_mmuext_op) {
      for (let i = next; i < end; i++) {
        const cmd = calls.mx_cmd[i]!;
        to[p++] = cmd;
        to[p++] = names.name(calls.mx_mfn[i]!);
        const hasPage = cmd === MMUEXT_INVLPG_LOCAL || cmd === MMUEXT_INVLPG_MULTI;
        to[p++] = hasPage ? map[SLOT + Math.floor(calls.mx_va[i]! / SLOT_PAGES)]! : 0;
        const isMask = cmd === MMUEXT_TLB_FLUSH_MULTI || cmd === MMUEXT_INVLPG_MULTI;
        to[p++] = map[(isMask ? CPUS : PLAIN) + calls.mx_arg[i]!]!;
      }
      return p;
    }
    const pairs = pairsWaiting(this.scene.machine.linux, calls, next, end);
    const waiting = end - 2 * pairs;
    for (let i = next; i < waiting; i++) p = this.writeUpdate(calls, i, to, p, map);
    // pairs in the order of their names, as any may be next
    let from = -1;
    for (let n = 0; n < pairs; n++) {
      let least = -1;
      let leastKey = Infinity;
      for (let i = waiting; i < end; i += 2) {
        const key = (names.name(calls.mu_table[i]!) << 8) | map[SLOT + calls.mu_slot[i]!]!;
        if (key > from && key < leastKey) {
          least = i;
          leastKey = key;
        }
      }
      if (least < 0) throw new RangeError("CallCodec: a pair waits twice; write them in order");
      from = leastKey;
      p = this.writeUpdate(calls, least, to, p, map);
      p = this.writeUpdate(calls, least + 1, to, p, map);
    }
    return p;
  }

  private writeUpdate(calls: CallBuffer, i: number, to: Uint8Array, p: number, map: Uint8Array): number {
    to[p] = this.names.name(calls.mu_table[i]!);
    to[p + 1] = map[SLOT + calls.mu_slot[i]!]!;
    to[p + 2] = this.names.name(calls.mu_frame[i]!);
    return p + 3;
  }

  read(cpu: number, from: Uint8Array, at: number): number {
    const { machine } = this.scene;
    const { regs, names } = this;
    const { calls, cbidx, cb_fn, cb_data, argidx, failed } = machine.linux.mc[cpu]!;
    const r = machine.xen.requests;
    let p = at;
    const used = from[p++]!;
    calls.used[0] = used;
    failed[0] = from[p++]!;
    argidx[0] = 0;
    if (used === 0) {
      calls.used[1] = calls.used[2] = cbidx[0] = 0;
      regs.inXen[cpu] = regs.row[cpu] = regs.xenPc[cpu] = 0;
      return p;
    }
    p = this.where[cpu]!.read(from, p, names);
    for (let i = 0; i < cbidx[0]!; i++) {
      cb_fn[i] = from[p++]!;
      cb_data[i] = names.meet(from[p++]!);
    }
    const current = regs.inXen[cpu] !== 0 ? regs.row[cpu]! : -1;
    const begun = current >= 0 && regs.xenPc[cpu] !== 0;
    if (current >= 0) {
      r.calls[cpu] = calls;
      r.row[cpu] = current;
    }
    if (begun) {
      p = this.inCall[cpu]!.read(from, p, names);
      r.first[cpu] = from[p++]!;
      r.count[cpu] = from[p++]!;
      r.i[cpu] = from[p++]!;
    }
    for (let row = 0; row < used; row++) {
      calls.op[row] = from[p++]!;
      calls.rc[row] = -from[p++]! | 0;
      if (row < current) continue;
      p = this.readCall(calls, row, row === current && begun ? r.first[cpu]! + r.i[cpu]! : 0, from, p);
    }
    return p;
  }

  private readCall(calls: CallBuffer, row: number, made: number, from: Uint8Array, at: number): number {
    const { names } = this;
    const op = calls.op[row]!;
    let p = at;
    if (op !== __HYPERVISOR_mmu_update && op !== __HYPERVISOR_mmuext_op) {
      calls.frame[row] = names.meet(from[p++]!);
      calls.uvmf[row] = from[p++]!;
      calls.flags[row] = from[p++] === 1 ? PAGE_KERNEL : PAGE_KERNEL_RO;
      calls.va[row] = linear_page(direct_map(calls.frame[row]!));
      return p;
    }
    const how = from[p++]!;
    if (how === 1) {
      calls.first[row] = NULL;
      calls.count[row] = MMU_UPDATE_PREEMPTED;
      calls.domid[row] = -from[p++]!;
      return p;
    }
    const first = from[p++]!;
    const count = from[p++]!;
    calls.first[row] = first;
    calls.count[row] = how === 2 ? count | MMU_UPDATE_PREEMPTED : count;
    calls.domid[row] = DOMID_SELF;
    const end = first + count;
    for (let i = Math.max(first, made); i < end; i++) {
      if (op === __HYPERVISOR_mmuext_op) {
        calls.mx_cmd[i] = from[p++]!;
        calls.mx_mfn[i] = names.meet(from[p++]!);
        calls.mx_va[i] = from[p++]! * SLOT_PAGES;
        calls.mx_arg[i] = from[p++]!;
        continue;
      }
      calls.mu_cmd[i] = MMU_NORMAL_PT_UPDATE;
      calls.mu_table[i] = names.meet(from[p++]!);
      calls.mu_slot[i] = from[p++]!;
      const to = names.meet(from[p++]!);
      calls.mu_frame[i] = to;
      calls.mu_flags[i] = to === 0 ? 0 : names.isL4(to) ? _PAGE_TABLE & ~_PAGE_RW : _PAGE_TABLE;
    }
    return p;
  }
}
