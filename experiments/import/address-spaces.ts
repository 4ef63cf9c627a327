/**
 * Address spaces of a recording, and the top-level slots (512 GiB, address bits 47..39) that are used in each.
 *
 * A space is one image: it begins before the recording, by fork as a copy of its parent's, or by exec. A task made with
 * CLONE_VM but not CLONE_THREAD (vfork, posix_spawn) stays in its parent's until it calls exec.
 *
 * Mirrors: copy_mm(), kernel/fork.c; exec_mmap(), fs/exec.c.
 */
import { CLONE_THREAD, CLONE_VM, type Process } from "./task-table.js";

/** Bytes of a top-level slot; user addresses are below 256 slots, kernel addresses are negative. */
const SLOT_BYTES = 2 ** 39;

export type Beginning = "before the trace" | "fork" | "exec";

export interface NewSlot {
  readonly slot: number;
  readonly time: number;
  readonly threadsAlive: number;
}

export class AddressSpace {
  faults = 0;
  readonly faulted = new Set<number>();
  readonly mapped = new Set<number>();
  readonly newSlots: NewSlot[] = [];

  constructor(
    readonly id: number,
    readonly process: Process,
    readonly begins: Beginning,
    /** Nanoseconds; of one that began before the recording, when it is first used. */
    public begin: number,
    readonly inherited: ReadonlySet<number>,
  ) {}
}

/** Slot of a user address; -1 for a kernel address. */
export function slotOf(address: number): number {
  return address < 0 ? -1 : Math.floor(address / SLOT_BYTES);
}

export class AddressSpaces {
  readonly all: AddressSpace[] = [];
  private readonly byProcess = new Map<Process, AddressSpace>();

  /** Where `process` is now, if anything has told. */
  get(process: Process): AddressSpace | undefined {
    return this.byProcess.get(process);
  }

  /** Where `process` is now; it was there before the recording if nothing else has told. */
  of(process: Process, time: number): AddressSpace {
    return this.byProcess.get(process) ?? this.begin(process, "before the trace", time, new Set());
  }

  /** A task of `maker` made `child`, which is a process of its own unless the flags say CLONE_THREAD. */
  newtask(maker: Process, child: Process, flags: number, time: number): void {
    if ((flags & CLONE_THREAD) !== 0 || this.byProcess.has(child)) return;
    const parent = this.of(maker, time);
    if ((flags & CLONE_VM) !== 0) this.byProcess.set(child, parent);
    else this.begin(child, "fork", time, new Set([...parent.inherited, ...parent.faulted]));
  }

  exec(process: Process, time: number): AddressSpace {
    return this.begin(process, "exec", time, new Set());
  }

  fault(process: Process, address: number, time: number): void {
    const space = this.of(process, time);
    const slot = slotOf(address);
    if (slot < 0) return;
    space.faults++;
    if (space.faulted.has(slot)) return;
    space.faulted.add(slot);
    if (space.inherited.has(slot)) return;
    space.newSlots.push({ slot, time, threadsAlive: Math.max(1, process.alive) });
  }

  /** mmap, mremap or brk returned `address`. */
  mapped(process: Process, address: number, time: number): void {
    const slot = slotOf(address);
    if (slot >= 0) this.of(process, time).mapped.add(slot);
  }

  /** What was taken for a process turned out to be a thread of another. */
  join(from: Process, to: Process, time: number): void {
    const other = this.byProcess.get(from);
    if (other === undefined || from === to) return;
    this.byProcess.delete(from);
    const space = this.of(to, time);
    for (const slot of other.mapped) space.mapped.add(slot);
    const at = this.all.indexOf(other);
    if (at >= 0 && other.process === from) this.all.splice(at, 1);
  }

  private begin(process: Process, begins: Beginning, time: number, inherited: Set<number>): AddressSpace {
    const space = new AddressSpace(this.all.length + 1, process, begins, time, inherited);
    this.all.push(space);
    this.byProcess.set(process, space);
    return space;
  }
}
