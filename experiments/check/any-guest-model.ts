/**
 * Any guest on Xen: each vCPU installs L4s and edits them as it likes, so what holds is Xen's doing.
 *
 * The L4s are those of the scene's processes, and stay pinned; hypercalls are made one at a time on a vCPU, request by request.
 *
 * Differs: kernel mode only; no pins and unpins, no L4 is taken down; the guest's other tables stay as they are.
 */
import { BadInput } from "../../abi/bad-input.js";
import { __HYPERVISOR_mmuext_op } from "../../abi/hypercalls.js";
import { add_mmu_update, MMU_NORMAL_PT_UPDATE, push_mmu_update } from "../../abi/mmu-update.js";
import {
  add_mmuext_op,
  MMUEXT_NEW_BASEPTR,
  MMUEXT_NEW_USER_BASEPTR,
  push_mmuext_op,
} from "../../abi/mmuext-op.js";
import { _PAGE_PRESENT, _PAGE_RW } from "../../abi/page.js";
import type { Proposal } from "../../abi/proposal.js";
import type { Action, Property } from "../../checker/model.js";
import { _PAGE_TABLE } from "../../linux-mm-model/xen/prot.js";
import { PGT_l4_page_table } from "../../xen-model/frame-table.js";
import { Codec } from "./codec.js";
import { describeState, l4Name } from "./describe.js";
import type { Mutant } from "./mutants.js";
import type { PvModel, PvModelOptions } from "./pv-model.js";
import { PvState } from "./pv-state.js";
import { type Bounds } from "./bounds.js";
import { buildScene, type Scene } from "./scene.js";

/** L4s that the guest plays with. */
const L4S = 3;

export class AnyGuestModel implements PvModel {
  readonly name: string;
  readonly stateBytes: number;
  readonly processes: readonly string[];
  readonly actions: readonly Action[];
  readonly properties: readonly Property[];
  readonly state: PvState;
  private readonly runs: ((vcpu: number) => boolean)[] = [];
  private readonly codec: Codec;
  private readonly first: Uint8Array;
  private readonly l4s: readonly number[];

  constructor(options: PvModelOptions, mutant: Mutant) {
    const bounds: Bounds = { ...options.bounds, threads: L4S, mms: L4S, slots: 1, ops: 0 };
    const { proposal } = options;
    this.name = `any guest under ${proposal.name}${options.mutant === undefined ? "" : `, mutant ${options.mutant}`}`;
    const scene = auditedScene(proposal, bounds, mutant);
    mutant.machine?.(scene.machine);
    this.state = new PvState(scene);
    const { linux, xen, regs } = this.state;
    const { vcpus } = bounds;
    for (let vcpu = 0; vcpu < vcpus; vcpu++) {
      if (linux.percpu.in_user[vcpu] !== 0) xen.syscall(vcpu);
      linux.percpu.in_user[vcpu] = 0;
    }
    this.l4s = this.playedWith();
    this.processes = Array.from({ length: vcpus }, (_, vcpu) => `vCPU${vcpu}`);
    this.actions = this.makeActions(vcpus);
    this.codec = new Codec(scene, regs, this.state.l4Pool);
    this.stateBytes = this.codec.stateBytes;
    this.first = new Uint8Array(this.stateBytes);
    this.codec.store(this.first, 0);
    const { kinds, without = [] } = options;
    this.properties = kinds === "progress" ? [] : this.xens().filter(({ name }) => !without.includes(name));
  }

  initial(): void {
    this.codec.load(this.first, 0);
  }

  load(from: Uint8Array, at: number): void {
    this.codec.load(from, at);
  }

  store(to: Uint8Array, at: number): void {
    this.codec.store(to, at);
  }

  run(action: number): boolean {
    return this.runs[action]!(this.actions[action]!.process);
  }

  describe(): ReadonlyMap<string, string> {
    return describeState(this.state, []);
  }

  /** What the vCPUs run on, and one more. */
  private playedWith(): number[] {
    const { linux, xen } = this.state;
    const l4s = new Set<number>();
    for (const mfn of xen.vcpus.guest_table) l4s.add(mfn);
    for (const mfn of this.state.audited)
      if (l4s.size < L4S && mfn !== linux.mms.pgd[0] && !l4s.has(mfn)) l4s.add(mfn);
    return [...l4s];
  }

  private makeActions(vcpus: number): Action[] {
    const actions: Action[] = [];
    const names = this.l4s.map((l4) => l4Name(this.state, l4));
    for (let process = 0; process < vcpus; process++) {
      const add = (name: string, run: (vcpu: number) => boolean): void => {
        actions.push({ name, process });
        this.runs.push(run);
      };
      this.l4s.forEach((l4, i) => {
        add(`MMUEXT_NEW_BASEPTR(${names[i]})`, (vcpu) => this.mmuext(vcpu, MMUEXT_NEW_BASEPTR, l4));
        add(`MMUEXT_NEW_USER_BASEPTR(${names[i]})`, (vcpu) => this.mmuext(vcpu, MMUEXT_NEW_USER_BASEPTR, l4));
        this.l4s.forEach((to, j) => {
          if (i !== j)
            add(`MMU_NORMAL_PT_UPDATE(${names[i]} slot 0 = ${names[j]}, read-only)`, (vcpu) =>
              this.update(vcpu, l4, to, _PAGE_TABLE & ~_PAGE_RW),
            );
        });
        add(`MMU_NORMAL_PT_UPDATE(${names[i]} slot 0 = 0)`, (vcpu) => this.update(vcpu, l4, 0, 0));
      });
      add("Xen: the next step of the hypercall", (vcpu) => {
        if (this.state.regs.inXen[vcpu] === 0) return false;
        this.state.stepXen(vcpu);
        if (this.state.regs.inXen[vcpu] === 0) this.state.linux.mc[vcpu]!.failed[0] = 0; // a guest may be refused
        return true;
      });
    }
    return actions;
  }

  private mmuext(vcpu: number, cmd: number, l4: number): boolean {
    const { linux, regs, xen } = this.state;
    if (regs.inXen[vcpu] !== 0) return false;
    const table = cmd === MMUEXT_NEW_BASEPTR ? xen.vcpus.guest_table : xen.vcpus.guest_table_user;
    if (table[vcpu] === l4) return false;
    const { calls } = linux.mc[vcpu]!;
    push_mmuext_op(calls);
    add_mmuext_op(calls, cmd, l4);
    linux.hv.hypercall(vcpu, calls, 0);
    return calls.op[0] === __HYPERVISOR_mmuext_op;
  }

  private update(vcpu: number, l4: number, frame: number, flags: number): boolean {
    const { linux, regs } = this.state;
    if (regs.inXen[vcpu] !== 0 || linux.memory.frame(l4, 0) === frame) return false;
    const { calls } = linux.mc[vcpu]!;
    push_mmu_update(calls);
    add_mmu_update(calls, MMU_NORMAL_PT_UPDATE, l4, 0, frame, flags);
    linux.hv.hypercall(vcpu, calls, 0);
    return true;
  }

  private xens(): Property[] {
    const { xen, linux } = this.state;
    const { vcpus } = this.state.scene.bounds;
    const same = (a: ArrayLike<number>, b: ArrayLike<number>, p: number, q: number): boolean =>
      a[p] !== 0 && a[p] === b[q];
    const { guest_cr3, xen_cr3 } = xen.pcpus;
    const { guest_table, guest_table_user } = xen.vcpus;
    return [
      {
        name: "installedOnOneVcpu",
        says: "no L4 is installed on two vCPUs, for kernel or for user mode, whatever the guest does",
        kind: "always",
        holds: () => {
          for (let p = 0; p < vcpus; p++) {
            for (let q = 0; q < vcpus; q++) {
              if (p === q) continue;
              if (same(guest_table, guest_table, p, q) || same(guest_table, guest_table_user, p, q))
                return false;
              if (same(guest_table_user, guest_table_user, p, q)) return false;
              if (same(guest_cr3, guest_cr3, p, q) || same(xen_cr3, xen_cr3, p, q)) return false;
            }
          }
          return true;
        },
      },
      {
        name: "noL4ReachesAnother",
        says: "no entry of an L4 leads to another L4, whose slots of Xen's it would show one level down",
        kind: "always",
        holds: () => {
          for (const l4 of this.l4s) {
            if ((linux.memory.flags(l4, 0) & _PAGE_PRESENT) === 0) continue;
            if (xen.frames.type[linux.memory.frame(l4, 0)] === PGT_l4_page_table) return false;
          }
          return true;
        },
      },
      {
        name: "anotherVcpuIsRefused",
        says: "a vCPU asks for an L4 that another has",
        kind: "sometimes",
        holds: () => {
          for (let vcpu = 0; vcpu < vcpus; vcpu++) {
            const { calls } = linux.mc[vcpu]!;
            if (calls.used[0] === 0 || calls.op[0] !== __HYPERVISOR_mmuext_op) continue;
            if (xen.vcpus.other_holder(vcpu, calls.mx_mfn[0]!) >= 0) return true;
          }
          return false;
        },
      },
    ];
  }
}

/** A scene whose Linux came up under the audit. Errors: BadInput where it does not, as its design shares tables. */
function auditedScene(proposal: Proposal, bounds: Bounds, mutant: Mutant): Scene {
  try {
    return buildScene(proposal, bounds, mutant.rules, mutant.beforeBoot, "enforce");
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const what = `its Linux does not come up under an enforced audit (${error.message})`;
    throw new BadInput(
      proposal.name,
      "--guest any",
      what,
      "take a design whose vCPUs have tables of their own",
    );
  }
}
