import { expect } from "chai";
import { add_mmu_update, MMU_NORMAL_PT_UPDATE, push_mmu_update } from "../../../abi/mmu-update.js";
import {
  add_mmuext_op,
  MMUEXT_NEW_BASEPTR,
  MMUEXT_TLB_FLUSH_ALL,
  push_mmuext_op,
} from "../../../abi/mmuext-op.js";
import type { CallBuffer } from "../../../abi/hypercalls.js";
import { PvState } from "../../../experiments/check/pv-state.js";
import { buildScene } from "../../../experiments/check/scene.js";
import { _PAGE_TABLE } from "../../../linux-mm-model/xen/prot.js";
import { PV_PROPOSALS, proposal } from "../../machine/booted-machine.js";

const BOUNDS = { vcpus: 2, threads: 2, mms: 2, slots: 2, ops: 1 };

/** Set a slot of both mms' references to one L3, load the one's tables, clear the other's, flush. */
function queue(calls: CallBuffer, [one, other]: readonly number[], l3: number): void {
  push_mmu_update(calls);
  add_mmu_update(calls, MMU_NORMAL_PT_UPDATE, one!, 0, l3, _PAGE_TABLE);
  add_mmu_update(calls, MMU_NORMAL_PT_UPDATE, other!, 1, l3, _PAGE_TABLE);
  push_mmuext_op(calls);
  add_mmuext_op(calls, MMUEXT_NEW_BASEPTR, one!);
  push_mmu_update(calls);
  add_mmu_update(calls, MMU_NORMAL_PT_UPDATE, other!, 1, 0, 0);
  push_mmuext_op(calls);
  add_mmuext_op(calls, MMUEXT_TLB_FLUSH_ALL, 0);
}

describe("hypercalls made step by step", () => {
  for (const name of PV_PROPOSALS) {
    it(`leave Xen under ${name} as Xen.multicall() does`, () => {
      const { machine: whole } = buildScene(proposal(name), BOUNDS);
      const scene = buildScene(proposal(name), BOUNDS);
      const { machine: stepped } = scene;
      const state = new PvState({ ...scene, pool: [0, 0] });
      for (const machine of [whole, stepped]) {
        const { linux, xen } = machine;
        xen.syscall(0);
        const l3 = linux.pages.alloc_table();
        linux.pv.alloc_table(0, 1, 3, l3);
        while (state.regs.inXen[0] !== 0) state.stepXen(0);
        const { calls } = linux.mc[0]!;
        queue(calls, [linux.mms.pgd[1]!, linux.mms.pgd[2]!], l3);
        linux.hv.multicall(0, calls, calls.used[0]!);
        if (machine === whole) calls.reset();
        while (state.regs.inXen[0] !== 0) state.stepXen(0);
      }
      const differing = fields(whole).filter(([field, row], i) => {
        const other = fields(stepped)[i]![1];
        return (
          field !== "" &&
          !Buffer.from(row.buffer, row.byteOffset, row.byteLength).equals(
            Buffer.from(other.buffer, other.byteOffset, other.byteLength),
          )
        );
      });
      expect(differing.map(([field]) => field)).to.deep.equal([]);
      expect(whole.xen.frames.typeCount[whole.linux.mms.pgd[1]!]).to.be.above(1);
    });
  }
});

type Machine = ReturnType<typeof buildScene>["machine"];

/** All that hypercalls about tables change. */
function fields({ xen, memory }: Machine): [string, Uint8Array | Uint32Array][] {
  const rows: [string, Uint8Array | Uint32Array][] = [["memory", memory.words]];
  for (const table of [xen.frames, xen.vcpus, xen.pcpus]) {
    for (const [field, row] of Object.entries(table))
      if (ArrayBuffer.isView(row)) rows.push([field, row as Uint8Array]);
  }
  return rows;
}
