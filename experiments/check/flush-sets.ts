/**
 * Who has to be flushed before a frame changes its type. Of Xen's TLB clock that is all that matters: the pCPUs that were not flushed
 * since the frame's last use under its type ended.
 */
import { placesOf } from "./places.js";
import type { Scene } from "./scene.js";

export class FlushSets {
  constructor(private readonly scene: Scene) {}

  /** Places of the clock, and of when each pCPU was flushed. */
  places(): number[] {
    const { pcpus } = this.scene.machine.xen;
    return [
      ...placesOf(pcpus.tlbflush_time, 0, this.scene.bounds.vcpus),
      ...placesOf(pcpus.tlbflush_clock, 0, 1),
    ];
  }

  /** pCPUs that have not been flushed since the frame's last use ended, a bit each. */
  of(frame: number): number {
    const { frames, pcpus } = this.scene.machine.xen;
    const stamp = frames.tlbflush_timestamp[frame]!;
    let mask = 0;
    for (let pcpu = 0; pcpu < this.scene.bounds.vcpus; pcpu++)
      if (pcpus.tlbflush_time[pcpu]! <= stamp) mask |= 1 << pcpu;
    return mask;
  }

  /** Before a state is read: all have been flushed since. */
  begin(): void {
    const { tlbflush_time, tlbflush_clock } = this.scene.machine.xen.pcpus;
    const { vcpus } = this.scene.bounds;
    for (let pcpu = 0; pcpu < vcpus; pcpu++) tlbflush_time[pcpu] = vcpus + 1;
    tlbflush_clock[0] = vcpus + 1;
  }

  /** The sets are a chain: a stamp is as late as its set is large, and a pCPU's flush behind all stamps whose sets it is not in. */
  read(frame: number, mask: number): void {
    const { machine, bounds } = this.scene;
    const { frames, pcpus } = machine.xen;
    let stamp = 0;
    for (let pcpu = 0; pcpu < bounds.vcpus; pcpu++) stamp += (mask >>> pcpu) & 1;
    frames.tlbflush_timestamp[frame] = stamp;
    for (let pcpu = 0; pcpu < bounds.vcpus; pcpu++) {
      if (((mask >>> pcpu) & 1) !== 0 && pcpus.tlbflush_time[pcpu]! > stamp)
        pcpus.tlbflush_time[pcpu] = stamp;
    }
  }
}
