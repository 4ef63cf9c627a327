/**
 * The calls that wait in a vCPU's multicall buffer, in a checked state, and where Xen is in them. Calls that were made are dead.
 *
 * Differs: calls that touch no pagetable never wait at the end of an action, so there are three kinds.
 */
import { linear_page } from "../../abi/frames.js";
import { __HYPERVISOR_mmu_update, __HYPERVISOR_mmuext_op, type CallBuffer } from "../../abi/hypercalls.js";
import { _PAGE_RW, LEVEL_PAGES } from "../../abi/page.js";
import { _PAGE_TABLE, direct_map, PAGE_KERNEL, PAGE_KERNEL_RO } from "../../linux-mm-model/xen/prot.js";
import type { PvRegisters } from "./registers.js";
import type { Scene } from "./scene.js";
import { StateIo } from "./state-io.js";

/** Calls that wait in a vCPU's buffer at most; more is an error of the scene. */
const MAX_CALLS = 3;

export class CallCodec extends StateIo {
  /** Names below it are those of L4s. */
  protected firstL3 = 1;

  constructor(
    protected readonly scene: Scene,
    protected readonly regs: PvRegisters,
  ) {
    super(scene.machine.config.geometry.nrFrames);
  }

  protected isL4(frame: number): boolean {
    const name = this.nameOf[frame]!;
    return name !== 0 && name < this.firstL3;
  }

  /** The buffer of queued calls, and where Xen is in them. */
  protected calls(cpu: number): void {
    const { machine } = this.scene;
    const mc = machine.linux.mc[cpu]!;
    const { calls } = mc;
    const { regs } = this;
    this.u32(calls.used, 0);
    this.u32(mc.failed, 0);
    if (calls.used[0] === 0) return this.noCalls(cpu);
    this.u8(regs.inXen, cpu);
    this.u8(regs.row, cpu);
    this.u8(regs.xenPc, cpu);
    this.u32(mc.cbidx, 0);
    for (let i = 0; i < mc.cbidx[0]!; i++) {
      this.u8(mc.cb_fn, i);
      this.frame(mc.cb_data, i);
    }
    this.u32(calls.used, 1);
    this.u32(calls.used, 2);
    if (!this.storing) mc.argidx[0] = 0;
    if (calls.used[0]! > MAX_CALLS) throw new RangeError(`Codec: ${calls.used[0]} calls are queued`);
    const r = machine.xen.requests;
    const current = regs.inXen[cpu] !== 0 ? regs.row[cpu]! : -1;
    for (let row = 0; row < calls.used[0]!; row++) {
      this.u8(calls.op, row);
      this.flag(calls.rc, row);
      if (row >= current) this.call(calls, row);
    }
    if (current < 0) return;
    r.calls[cpu] = calls;
    r.row[cpu] = current;
    if (regs.xenPc[cpu] === 0) return;
    this.u16(r.first, cpu);
    this.u16(r.count, cpu);
    this.u16(r.i, cpu);
    this.u8(r.part, cpu);
    this.u8(r.resumed, cpu);
    this.u32(r.pcpus, cpu);
    this.u8(r.roots, cpu);
    this.flag(r.rc, cpu);
  }

  protected noCalls(cpu: number): void {
    if (this.storing) return;
    const mc = this.scene.machine.linux.mc[cpu]!;
    mc.calls.used[1] = 0;
    mc.calls.used[2] = 0;
    mc.cbidx[0] = 0;
    mc.argidx[0] = 0;
    this.regs.inXen[cpu] = 0;
    this.regs.row[cpu] = 0;
    this.regs.xenPc[cpu] = 0;
  }

  /** An errno, which is small. */
  protected flag(row: Int32Array, i: number): void {
    if (this.storing) this.buf[this.p++] = -row[i]!;
    else row[i] = -this.buf[this.p++]! | 0;
  }

  protected call(calls: CallBuffer, row: number): void {
    const op = calls.op[row]!;
    if (op !== __HYPERVISOR_mmu_update && op !== __HYPERVISOR_mmuext_op) {
      // update_va_mapping of a frame's own page in the direct map
      this.frame64(calls.frame, row);
      this.u32(calls.uvmf, row);
      this.rw(calls.flags, row);
      if (!this.storing) calls.va[row] = linear_page(direct_map(calls.frame[row]!));
      return;
    }
    this.wide(calls.first, row);
    this.wide(calls.count, row);
    this.wide(calls.domid, row);
    const preempted = 0x8000;
    const first = calls.first[row]!;
    if (first === 0xffff) return;
    const end = first + (calls.count[row]! & ~preempted);
    for (let i = first; i < end; i++) {
      if (op === __HYPERVISOR_mmu_update) {
        this.frame64(calls.mu_table, i);
        this.u16(calls.mu_slot, i);
        this.frame64(calls.mu_frame, i);
        if (!this.storing) {
          calls.mu_cmd[i] = 0;
          const to = calls.mu_frame[i]!;
          calls.mu_flags[i] = to === 0 ? 0 : this.isL4(to) ? _PAGE_TABLE & ~_PAGE_RW : _PAGE_TABLE;
        }
      } else {
        this.u8(calls.mx_cmd, i);
        this.frame64(calls.mx_mfn, i);
        this.slotVa(calls.mx_va, i);
        this.f64(calls.mx_arg, i);
      }
    }
  }

  protected slotVa(row: Float64Array, i: number): void {
    if (this.storing) this.buf[this.p++] = Math.floor(row[i]! / LEVEL_PAGES[4]);
    else row[i] = this.buf[this.p++]! * LEVEL_PAGES[4];
  }

  protected rw(row: Uint32Array, i: number): void {
    if (this.storing) this.buf[this.p++] = row[i] === PAGE_KERNEL ? 1 : 0;
    else row[i] = this.buf[this.p++] === 1 ? PAGE_KERNEL : PAGE_KERNEL_RO;
  }
}
