/** What a vCPU keeps in a checked state while it is in a path. */
import { Cells, MM, TASK } from "./cells.js";
import { lifeRegisters } from "./life-cells.js";
import type { Scene } from "./scene.js";

export interface PathCells {
  readonly inSwitch: Cells;
  readonly inFault: Cells;
  readonly inPud: Cells;
  readonly inMunmap: Cells;
  readonly inLife: Cells;
}

export function cellsOfPaths(scene: Scene, cpu: number): PathCells {
  const { machine } = scene;
  const { regs: sw, fault, pud, gather } = machine.linux;
  const cells = (): Cells => new Cells(machine.state.buffer);
  const inSwitch = cells();
  inSwitch.i32(sw.next_mm, cpu, MM);
  inSwitch.i32(sw.next_task, cpu, TASK);
  inSwitch.i32(sw.prev_task, cpu, TASK);
  inSwitch.i32(sw.prev_mm, cpu, MM);
  inSwitch.i32(sw.real_prev, cpu, MM);
  inSwitch.i32(sw.load_mm, cpu, MM);
  inSwitch.frame(sw.pgd, cpu);
  const inFault = cells();
  inFault.u8(fault.error, cpu);
  inFault.u8(fault.result, cpu);
  const inPud = cells();
  inPud.i32(pud.mm, cpu, MM);
  inPud.frame(pud.table, cpu);
  const inMunmap = cells();
  inMunmap.i32(gather.mm, cpu, MM);
  inMunmap.u8(gather.cleared, cpu);
  inMunmap.i32(gather.tables, cpu);
  inMunmap.frame(gather.batch, cpu);
  const inLife = cells();
  lifeRegisters(inLife, scene, cpu);
  return { inSwitch, inFault, inPud, inMunmap, inLife };
}
