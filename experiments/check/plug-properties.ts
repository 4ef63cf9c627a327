/** What must be so where vCPUs go down and come up: I-20; that a vCPU is up to date when it is back is tablesShowTheReference. */
import { cpumask_test_cpu } from "../../abi/cpumask.js";
import type { Property } from "../../checker/model.js";
import { INIT_MM } from "../../linux-mm-model/mm-struct.js";
import { PerMmVcpu } from "../../linux-mm-model/top-level/per-mm-vcpu.js";
import type { PvState } from "./pv-state.js";
import { PLUG_dead, PLUG_up } from "./registers.js";

export function plugProperties(m: PvState): Property[] {
  const { linux, xen, regs } = m;
  const { mms, percpu, top } = linux;
  const { vcpus, mms: nrMms, hotplugs = 0 } = m.scene.bounds;
  const isDown = (cpu: number): boolean => regs.plug[cpu] !== PLUG_up;

  return [
    {
      name: "deadCpuHasLeft",
      says: "a CPU that is down has no L4 of a process in its base pointers, and is in no mm's CPU set",
      kind: "always",
      holds: () => {
        for (let cpu = 0; cpu < vcpus; cpu++) {
          if (!isDown(cpu)) continue;
          for (let mm = INIT_MM + 1; mm <= nrMms; mm++) {
            if (cpumask_test_cpu(cpu, mms.cpumask, mms.mm_cpumask(mm))) return false;
            const table = xen.vcpus.guest_table[cpu]!;
            if (top.belongs(linux, mm, table) || percpu.loaded_mm[cpu] === mm) return false;
          }
        }
        return true;
      },
    },
    {
      name: "deadCpuHasNoPair",
      says: "a CPU that is down, and dealt with, has no L4s that edits of a process's slots reach",
      kind: "always",
      holds: () => {
        for (let cpu = 0; cpu < vcpus; cpu++) {
          if (regs.plug[cpu] !== PLUG_dead || !(top instanceof PerMmVcpu)) continue;
          for (let mm = INIT_MM + 1; mm <= nrMms; mm++) if (top.pgd_of(linux, cpu, mm) !== 0) return false;
        }
        return true;
      },
    },
    {
      name: "cpuRunsAgain",
      says: "a thread runs in user mode on the last CPU, which has been down",
      kind: "sometimes",
      holds: () =>
        regs.downsLeft[0]! < hotplugs && regs.plug[vcpus - 1] === PLUG_up && percpu.in_user[vcpus - 1] !== 0,
    },
  ];
}
