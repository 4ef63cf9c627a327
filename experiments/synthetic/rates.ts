/**
 * Steady work by rates: so many threads on so many vCPUs, switching, calling, mapping, forking so often.
 *
 * One process has all threads, spread over the vCPUs, or (placement: apart) each vCPU has a process with its share; a vCPU
 * has one other process, if it ever switches to one or has no thread to run. What happens when follows from the rates and a
 * seed alone (happenings.ts).
 *
 * Differs: a part of a second is run and the counts are scaled to a second, so that rare events and frequent ones are
 *          both seen: at least EVENTS of them, or one second.
 */
import type { Cause, EventCounts } from "../../abi/ledger.js";
import type { Vpn } from "../../abi/frames.js";
import type { Proposal } from "../../abi/proposal.js";
import { do_exit } from "../../linux-mm-model/exit.js";
import { CLONE_FILES, CLONE_THREAD, CLONE_VM } from "../../linux-mm-model/fork.js";
import { P4D_PAGES } from "../../linux-mm-model/pgtable.js";
import * as sys from "../../linux-mm-model/syscalls.js";
import { NO_FILE, VM_READ, VM_WRITE } from "../../linux-mm-model/vma.js";
import { Machine, type MachineConfig } from "../../machine/machine.js";
import type { ReusedBytes } from "../../machine/reused-bytes.js";
import { SCRIPT_GEOMETRY } from "../mm-script/script-geometry.js";
import { ACCESS_WRITE } from "../../xen-model/hw/control.js";
import { Player } from "../mm-script/player.js";
import type { ScriptTask } from "../mm-script/tasks.js";
import { PromiseWatch } from "../run/promise.js";
import type { PropertyResult } from "../results.js";
import { duration, forEachHappening, HAPPENING, type Rates, type Stage } from "./happenings.js";

export interface RatedWork extends Rates {
  readonly threads: number;
  readonly placement: "spread" | "apart";
}

export interface RatedOutcome {
  readonly counts: EventCounts;
  readonly byCause: Partial<Record<Cause, EventCounts>>;
  readonly properties: PropertyResult[];
}

/** Events that are run at the least, unless a second has fewer. */
const EVENTS = 3000;
/** A vCPU's slot; those of the user half are fewer than vCPUs may be, and none is mapped for longer than its turn. */
const churn_slot = (vcpu: number): number => 9 + (vcpu % 200);

/** What the vCPUs run on; with `bytes`, the machine is in these. */
export type RatedProcessor = Pick<MachineConfig, "pcid" | "invpcid"> & { readonly bytes?: ReusedBytes };

/** Run `work` under a proposal, `events` of it at the least unless a second has fewer, and scale what it counted to a second. */
export function runRates(
  work: RatedWork,
  proposal: Proposal,
  machine: RatedProcessor,
  seed: number,
  events = EVENTS,
): RatedOutcome {
  const seconds = duration(work, events);
  const guest = new RatedGuest(work, proposal, machine);
  forEachHappening(work, seed, seconds, guest);
  const scale = (counts: EventCounts): EventCounts =>
    Object.fromEntries(Object.entries(counts).map(([name, n]) => [name, n / seconds]));
  const { ledger } = guest.machine;
  const byCause = Object.entries(ledger.collectByCause()).map(([cause, counts]) => [cause, scale(counts)]);
  const properties = guest.watch.properties("synthetic");
  guest.watch.end();
  return {
    counts: scale(ledger.collect()),
    byCause: Object.fromEntries(byCause) as RatedOutcome["byCause"],
    properties,
  };
}

/** The guest: its tasks, and who runs where. */
export class RatedGuest implements Stage {
  readonly machine: Machine;
  readonly watch: PromiseWatch;
  private readonly player: Player;
  /** Threads of each vCPU, and which of them runs, or ran last. */
  private readonly threads: ScriptTask[][];
  private readonly others: ScriptTask[];
  private readonly turn: number[];
  private readonly current: ScriptTask[];
  private readonly away: boolean[];
  private looked = 0;

  constructor(work: RatedWork, proposal: Proposal, { bytes, ...processor }: RatedProcessor) {
    const { vcpus, threads } = work;
    const geometry = {
      ...SCRIPT_GEOMETRY,
      nrCpus: vcpus,
      nrXenFrames: 64 + 8 * vcpus,
      nrTables: 1024 + 64 * vcpus + 8 * threads,
      nrFrames: 8192 + 1024 * vcpus + 64 * threads,
      maxMms: 16 + 4 * vcpus,
      maxTasks: 32 + 6 * vcpus + threads,
      maxVmas: 512 + 64 * vcpus,
    };
    this.machine = new Machine({ proposal, geometry, ...processor, audit: "observe" }, bytes).boot();
    this.threads = Array.from({ length: vcpus }, () => []);
    const leaders = Array.from({ length: work.placement === "apart" ? vcpus : 1 }, (_, i) => i);
    const idle = (vcpu: number) => vcpu >= Math.max(threads, leaders.length);
    const withOther = Array.from(this.threads.keys()).filter((v) => work.otherMmSwitches > 0 || idle(v));
    const tasks = [
      ...leaders.map((i) => ({ task: `leader${i}`, vcpu: i })),
      ...withOther.map((vcpu) => ({ task: `other${vcpu}`, vcpu })),
    ];
    const script = { name: "rates", group: "synthetic", vcpus, tasks, regions: {}, steps: [], results: [] };
    this.player = new Player(this.machine, script, "rates");
    for (const i of leaders) this.threads[i]!.push(this.player.taskOf(`leader${i}`, 0));
    this.addThreads(leaders.length, work);
    this.others = [];
    for (const vcpu of withOther) this.others[vcpu] = this.player.taskOf(`other${vcpu}`, 0);
    this.turn = Array.from({ length: vcpus }, () => 0);
    this.away = Array.from({ length: vcpus }, () => false);
    this.current = this.threads.map((own, vcpu) => own[0] ?? this.others[vcpu]!);
    for (const task of this.current) this.player.tasks.resume(task);
    this.machine.ledger.clear();
    this.watch = new PromiseWatch(this.machine);
  }

  happen(vcpu: number, what: number): void {
    const { machine, player } = this;
    const task = this.current[vcpu]!;
    switch (what) {
      case HAPPENING.syscalls:
        player.tasks.call(task);
        break;
      case HAPPENING.sameMmSwitches:
        this.switchTo(vcpu, this.nextThread(vcpu));
        break;
      case HAPPENING.otherMmSwitches:
        // there and back at every second one, so that the process itself runs whatever comes next
        this.away[vcpu] = !this.away[vcpu]!;
        if (this.away[vcpu]) break;
        this.switchTo(vcpu, this.others[vcpu]!);
        this.switchTo(vcpu, task);
        break;
      case HAPPENING.slotChurn:
        this.churn(vcpu);
        break;
      case HAPPENING.forks:
        this.fork(vcpu, task);
        break;
      case HAPPENING.idle:
        player.tasks.sleep(task);
        break;
      case HAPPENING.wake:
        player.tasks.resume(task);
        break;
    }
    this.watch.look(++this.looked);
    if (machine.linux.percpu.in_user[vcpu] === 0 && what !== HAPPENING.idle) machine.return_to_user(vcpu);
  }

  private addThreads(first: number, work: RatedWork): void {
    for (let t = first; t < work.threads; t++) this.addThread(t, work);
  }

  /** Thread number `t`, made by a leader on the leader's vCPU, and put where it belongs before it has run. */
  private addThread(t: number, { vcpus, placement }: RatedWork): void {
    const { player, machine } = this;
    const vcpu = t % vcpus;
    const leader = this.threads[placement === "apart" ? vcpu : 0]![0]!;
    player.tasks.resume(leader);
    machine.syscall(leader.vcpu);
    const row = player.copy(leader.vcpu, CLONE_VM | CLONE_FILES | CLONE_THREAD, true);
    machine.return_to_user(leader.vcpu);
    player.tasks.sleep(leader);
    this.threads[vcpu]!.push(player.tasks.add(`thread${t}`, row, vcpu));
  }

  /** Whose turn it is on `vcpu`. */
  private nextThread(vcpu: number): ScriptTask {
    const threads = this.threads[vcpu]!;
    const turn = this.turn[vcpu]! + 1;
    this.turn[vcpu] = turn < threads.length ? turn : 0;
    return threads[this.turn[vcpu]!]!;
  }

  private switchTo(vcpu: number, next: ScriptTask): void {
    const task = this.current[vcpu]!;
    if (next === task) return this.player.tasks.call(task);
    this.player.tasks.sleep(task, next);
    this.machine.return_to_user(vcpu);
    this.current[vcpu] = next;
  }

  private churn(vcpu: number): void {
    const { machine } = this;
    const start = churn_slot(vcpu) * P4D_PAGES;
    const call = (work: () => void): void => {
      machine.syscall(vcpu);
      work();
      machine.return_to_user(vcpu);
    };
    const flags = VM_READ | VM_WRITE;
    call(() => void sys.sys_mmap(machine.linux, vcpu, { start, pages: 1, flags, file: NO_FILE, pgoff: 0 }));
    machine.touch(vcpu, start as Vpn, ACCESS_WRITE);
    call(() => void sys.sys_munmap(machine.linux, vcpu, start, 1));
  }

  private fork(vcpu: number, task: ScriptTask): void {
    const { machine, player } = this;
    machine.syscall(vcpu);
    const child = player.tasks.add(`child${vcpu}`, player.copy(vcpu, 0, false), vcpu);
    machine.return_to_user(vcpu);
    player.tasks.sleep(task, child);
    machine.return_to_user(vcpu);
    machine.syscall(vcpu);
    do_exit(machine.linux, vcpu);
    player.tasks.remove(child);
    player.tasks.yield_to(vcpu, task);
    machine.return_to_user(vcpu);
  }
}
