/**
 * L4s that come and go, where a check has forks, or vCPUs that go down and have pairs: an mm, a vCPU in it, or a thread has its own frames, whenever it is there.
 *
 * Differs: a freed L4 is used again for an L4 of the same kind only: which frame one gets makes no difference, and what still leads to
 *          a free one is seen at once (noFreedL4IsLoaded).
 */
import type { Linux } from "../../linux-mm-model/linux.js";
import { PerMmVcpu } from "../../linux-mm-model/top-level/per-mm-vcpu.js";
import type { L4 } from "./l4-roles.js";
import type { Scene } from "./scene.js";

export class L4Pool {
  /** By frame: it comes and goes. */
  readonly has: Uint8Array;
  private readonly linux: Linux;
  private readonly slots: number;
  /** Kernel-mode and user-mode L4 of each pair that any thread may get. */
  private readonly pairs: readonly (readonly number[])[];
  private wanted: readonly number[] = [];
  private given = 0;

  constructor(private readonly scene: Scene) {
    const { machine, bounds, l4s, more } = scene;
    const { linux } = machine;
    this.linux = linux;
    this.slots = bounds.slots;
    this.has = new Uint8Array(machine.xen.frames.nrFrames);
    if (bounds.comeAndGo !== true) {
      this.pairs = [];
      return;
    }
    for (const { frame, mm, task } of l4s) if (mm > 0 || task > 0) this.has[frame] = 1;
    for (const frame of more) this.has[frame] = 1;
    const ofThreads = l4s.filter(({ task }) => task > 0).map(({ frame }) => frame);
    const all = [...ofThreads, ...more];
    this.pairs = Array.from({ length: all.length / 2 }, (_, i) => all.slice(2 * i, 2 * i + 2));
    this.install();
  }

  /** Frames of the pool, in order. */
  get frames(): number[] {
    return [...this.has.keys()].filter((frame) => this.has[frame] !== 0);
  }

  private install(): void {
    const { linux } = this;
    const { pages, pv, top } = linux;
    const alloc_table = pages.alloc_table.bind(pages);
    const put_page = pages.put_page.bind(pages);
    const pinned = top.pinned.bind(top);
    const pgd_alloc = pv.pgd_alloc.bind(pv);
    const cpu_up = top.cpu_up.bind(top);
    pages.can_alloc_tables = () => true;
    pages.alloc_table = () => (this.given < this.wanted.length ? this.take() : alloc_table());
    pages.put_page = (pfn) => (this.has[pfn] === 0 ? put_page(pfn) : this.put(pfn));
    pv.pgd_alloc = (cpu, mm) => this.giving(this.named("reference", mm, -1), () => pgd_alloc(cpu, mm));
    top.pinned = (k, cpu, mm) => this.giving(this.pairFor(cpu, mm), () => pinned(k, cpu, mm));
    top.cpu_up = (k, by, cpu) => this.giving(this.pairOf(cpu), () => cpu_up(k, by, cpu));
  }

  /** While `work` runs, tables that it takes are `frames`. */
  private giving<T>(frames: readonly number[], work: () => T): T {
    this.wanted = frames;
    this.given = 0;
    try {
      return work();
    } finally {
      this.wanted = [];
      this.given = 0;
    }
  }

  private take(): number {
    const frame = this.wanted[this.given++]!;
    const { pages } = this.linux;
    if (pages.refcount[frame] !== 0) throw new RangeError(`L4Pool: frame ${frame} is in use; free it first`);
    pages.refcount[frame] = 1;
    return frame;
  }

  private put(frame: number): boolean {
    const { pages, memory } = this.linux;
    if (--pages.refcount[frame]! > 0) return false;
    pages.flags[frame] = 0;
    pages.private[frame] = 0;
    for (let slot = 0; slot < this.slots; slot++) memory.set(frame, slot, 0, 0);
    return true;
  }

  private named(what: string, mm: number, vcpu: number): number[] {
    const isIt = (one: L4): boolean => one.mm === mm && one.vcpu === vcpu;
    const { l4s } = this.scene;
    const kernel = l4s.find((one) => one.what === what && isIt(one));
    const user = l4s.find((one) => one.what === `user ${what}` && isIt(one));
    return [kernel, user].flatMap((one) => (one === undefined ? [] : [one.frame]));
  }

  /** The pair that pinned() makes next. */
  private pairFor(cpu: number, mm: number): readonly number[] {
    const { linux, scene, pairs } = this;
    const { top, pages } = linux;
    const { vcpus } = scene.bounds;
    if (!(top instanceof PerMmVcpu)) return pairs.find(([pgd]) => pages.refcount[pgd!] === 0) ?? [];
    for (let i = 0; i < vcpus; i++) {
      const other = (cpu + i) % vcpus;
      if (top.pgd_of(linux, other, mm) === 0) return this.named("pair", mm, other);
    }
    return [];
  }

  /** The pair that cpu_up() makes next. */
  private pairOf(cpu: number): readonly number[] {
    const { top } = this.linux;
    for (let mm = 1; mm <= this.scene.bounds.mms; mm++)
      if (top instanceof PerMmVcpu && top.pgd_of(this.linux, cpu, mm) === 0)
        return this.named("pair", mm, cpu);
    return [];
  }
}
