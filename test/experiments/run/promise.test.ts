/** What PromiseWatch counts as single CPUs change is what comparing all pairs of CPUs counts after every operation. */
import { expect } from "chai";
import { join } from "node:path";
import { readRecording } from "../../../experiments/import/recording.js";
import { plain_pairs, NO_TABLE, SameTable } from "../../../experiments/run/same-table.js";
import { PromiseWatch } from "../../../experiments/run/promise.js";
import { TraceRunner } from "../../../experiments/run/trace-runner.js";
import { driveGenerated } from "../../../experiments/synthetic/drive.js";
import { start } from "../../../experiments/synthetic/run-ops.js";
import { mulberry32 } from "../../../experiments/synthetic/seed.js";
import { INIT_MM, NO_MM } from "../../../linux-mm-model/mm-struct.js";
import { exec_mmap_step } from "../../../linux-mm-model/exec.js";
import { exit_mm_step } from "../../../linux-mm-model/exit.js";
import { kthread_unuse_mm, kthread_use_mm } from "../../../linux-mm-model/kthread.js";
import { context_switch } from "../../../linux-mm-model/sched.js";
import { defaultGeometry } from "../../../machine/geometry.js";
import { Machine } from "../../../machine/machine.js";
import { bootedMachine, proposal, PROPOSALS } from "../../machine/booted-machine.js";

const THREAD_STORM = join(__dirname, "..", "..", "..", "recordings", "thread_storm.perf.txt.gz");

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

describe("SameTable", () => {
  it("counts the pairs of any tables and ranks as plain_pairs() does", () => {
    const random = mulberry32(1);
    const draw = (below: number): number => Math.floor(random() * below);
    for (const cpus of [1, 2, 5, 40]) {
      const same = new SameTable(cpus, 8, 3);
      const table = range(cpus).map(() => NO_TABLE);
      const rank = range(cpus).map(() => 0);
      for (let change = 0; change < 500; change++) {
        const cpu = draw(cpus);
        table[cpu] = draw(9) - 1;
        rank[cpu] = draw(3);
        same.set(cpu, table[cpu], rank[cpu]);
        const pairs = [...plain_pairs(table, rank)];
        const byRank = range(3).map((r) => pairs.filter((pair) => pair[3] === r).length);
        expect([same.pairs, [...same.byRank]]).to.deep.equal([pairs.length, byRank]);
        expect(same.first()).to.deep.equal(pairs[0]);
      }
      same.end(); // some CPUs have tables still; the next one begins without
    }
  });

  it("has none of the groups of one that has ended, and more tables than that had", () => {
    for (const nrTables of [8, 4, 16]) {
      const same = new SameTable(2, nrTables, 1);
      same.set(0, nrTables - 1, 0);
      expect(same.pairs).to.equal(0);
      same.set(1, nrTables - 1, 0);
      expect(same.pairs).to.equal(1);
      same.end();
    }
  });
});

/** The plain form of a watch: it reads the machine afresh, and compares all pairs. */
class PlainWatch {
  readonly counts: Record<string, { violations: number; ways: number[]; first: string }> = {};
  together = false;

  constructor(private readonly machine: Machine) {}

  look(): void {
    const { machine } = this;
    const { tasks, percpu } = machine.linux;
    const pcpus = range(machine.nrPcpus);
    const vcpus = range(machine.config.geometry.nrCpus);
    this.compare(
      "exclusive_in_guest",
      pcpus,
      pcpus.map((p) => (machine.guest_cr3(p) === 0 ? NO_TABLE : machine.guest_cr3(p))),
    );
    this.compare(
      "exclusive_in_xen",
      pcpus,
      pcpus.map((p) => machine.xen_cr3(p)),
    );
    const { container } = machine.config.proposal.xen;
    const inner = { pv: [], pv32: ["guest_l3_exclusive"], pvh: ["guest_cr3_exclusive"] };
    const [inGuest, inXen] =
      container === "shim" ? ["shim_exclusive_in_guest", "shim_exclusive_in_xen"] : inner[container];
    if (inGuest !== undefined)
      this.compare(
        inGuest,
        vcpus,
        vcpus.map((v) => machine.inner_guest_cr3(v)!),
      );
    if (inXen !== undefined)
      this.compare(
        inXen,
        vcpus,
        vcpus.map((v) => machine.inner_xen_cr3(v)!),
      );
    const mms = vcpus.map((v) => tasks.mm[percpu.current[v]!]!);
    this.together ||= vcpus.some((p) => vcpus.some((q) => p < q && mms[p] !== NO_MM && mms[p] === mms[q]));
  }

  private compare(name: string, cpus: number[], table: number[]): void {
    const found = (this.counts[name] ??= { violations: 0, ways: [0, 0, 0, 0, 0], first: "" });
    for (const p of cpus) {
      for (const q of cpus) {
        if (p >= q || table[p] === NO_TABLE || table[p] !== table[q]) continue;
        found.violations++;
        found.ways[this.way(p, q, table[p]!)]!++;
        if (found.first === "")
          found.first = `CPU ${p} and .CPU ${q} have L4 mfn 0x${table[p]!.toString(16)}:`;
      }
    }
  }

  private way(p: number, q: number, mfn: number): number {
    const { linux, config, host } = this.machine;
    const { loaded_mm, current } = linux.percpu;
    if (mfn === host.tables.idle_table()) return 4;
    if (mfn < config.geometry.nrXenFrames) return 3;
    if (loaded_mm[p] === INIT_MM || loaded_mm[q] === INIT_MM) return 2;
    const { mm } = linux.tasks;
    return mm[current[p]!] === NO_MM || mm[current[q]!] === NO_MM ? 1 : 0;
  }
}

describe("PromiseWatch, told which CPUs have changed", () => {
  for (const name of PROPOSALS) {
    it(`finds what comparing all pairs after every operation finds, under ${name}`, () => {
      const watches = new Map<Machine, [PromiseWatch, PlainWatch]>();
      const bothLook = (machine: Machine): string => {
        let both = watches.get(machine);
        if (both === undefined)
          watches.set(machine, (both = [new PromiseWatch(machine), new PlainWatch(machine)]));
        both[0].look(1);
        both[1].look();
        return "";
      };
      driveGenerated(proposal(name), [{ says: "", broken: bothLook }], { lists: 2, ops: 80, nrCpus: 4 });
      for (const [watch, plain] of watches.values()) expectEqual(watch, plain);
    });
  }

  describe("sees what one CPU alone has changed, before anything else happens:", () => {
    /** Two CPUs, each with a thread of one process, in the kernel, on one L4; `first` is done before the watches are there, `then` after. */
    const sees = (
      what: string,
      then: (machine: Machine) => void,
      first: (machine: Machine) => unknown = () => {},
      name = "shared",
    ) =>
      it(what, () => {
        const machine = bootedMachine(name, { nrCpus: 2 });
        start(machine);
        const { linux } = machine;
        const { tasks, mms } = linux;
        const thread = tasks.alloc(-1, -1);
        tasks.mm[thread] = tasks.active_mm[thread] = processOf(machine);
        mms.mm_users[processOf(machine)]!++;
        for (const cpu of [0, 1]) machine.enter_scheduler(cpu);
        context_switch(linux, 1, thread);
        const seen = (cpu: number) =>
          machine.inner_xen_cr3(cpu) ?? machine.inner_guest_cr3(cpu) ?? machine.guest_cr3(cpu);
        expect(seen(1)).to.equal(seen(0));
        first(machine);
        const [watch, plain] = [new PromiseWatch(machine), new PlainWatch(machine)];
        for (const change of [() => {}, () => then(machine)]) {
          change();
          watch.look(1); // first, to forget what was marked until now
          plain.look();
        }
        expectEqual(watch, plain);
      });
    const processOf = ({ linux }: Machine): number => linux.tasks.mm[linux.percpu.current[0]!]!;
    const toKthread = ({ linux }: Machine): void => context_switch(linux, 1, linux.tasks.alloc(-1, -1));

    sees("%cr3, as Xen has it", ({ host: { pcpus } }) => pcpus.set_xen_cr3(1, pcpus.idle_l4[1]!));
    sees("%cr3, as the guest has it", ({ host: { pcpus } }) => pcpus.set_guest_cr3(1, 0));
    const nothing = (): void => {};
    sees(
      "the CR3 that is a hardware guest's own",
      ({ container }) => container.native!.mov_to_cr3(1, 0),
      nothing,
      "control-pvh",
    );
    sees(
      "%cr3 of a shim's pCPU, as the shim has it",
      ({ xen: { pcpus } }) => pcpus.set_xen_cr3(1, 0),
      nothing,
      "shim",
    );
    sees(
      "%cr3 of a shim's pCPU, as the shim's guest has it",
      ({ xen: { pcpus } }) => pcpus.set_guest_cr3(1, pcpus.guest_cr3[0]!),
      nothing,
      "shim",
    );
    sees("the task", ({ linux }) => linux.percpu.set_current(1, linux.tasks.alloc(-1, -1)));
    sees("the mm that is loaded", ({ linux }) => linux.percpu.set_loaded_mm(1, INIT_MM));
    sees("the mm of a task that ends", ({ linux }) => exit_mm_step.run(linux, 1));
    sees(
      "the mm of a task that runs another program",
      (m) => {
        m.linux.life.mm[1] = processOf(m);
        exec_mmap_step.run(m.linux, 1);
      },
      ({ linux }) => (linux.tasks.mm[linux.percpu.current[1]!] = INIT_MM),
    );
    sees(
      "a kernel thread that takes the mm that it has borrowed",
      (m) => kthread_use_mm(m.linux, 1, processOf(m)),
      toKthread,
    );
    sees(
      "a kernel thread that gives it back",
      (m) => kthread_unuse_mm(m.linux, 1, processOf(m)),
      (m) => {
        toKthread(m);
        kthread_use_mm(m.linux, 1, processOf(m));
      },
    );
  });

  it("finds the same after every event of a recording in which threads come and go", async () => {
    const recording = await readRecording(THREAD_STORM, { strict: false });
    const config = { proposal: proposal("shared"), geometry: defaultGeometry(2), pcid: true, invpcid: true };
    const machine = new Machine({ ...config, audit: "observe" }).boot();
    const plain = new PlainWatch(machine);
    const runner = new TraceRunner(machine, { after: () => plain.look() });
    plain.look(); // as the runner does before the first event
    runner.consume(recording.chunks[0]!);
    expectEqual(runner.watch, plain);
  });
});

function expectEqual(watch: PromiseWatch, plain: PlainWatch): void {
  const properties = watch.properties("w");
  for (const [property, { violations, ways, first }] of Object.entries(plain.counts)) {
    const found = properties.find((p) => p.name === property)!;
    expect(found.violations, property).to.equal(violations);
    expect(
      found.ways.map(({ count }) => count),
      property,
    ).to.deep.equal(ways.filter((n) => n > 0));
    expect(found.first?.what ?? "").to.match(new RegExp(first));
  }
  expect(properties.find((p) => p.name === "threads_run_together")!.holds).to.equal(plain.together);
}
