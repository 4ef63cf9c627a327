import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import type { TraceEvent } from "../../experiments/run/trace-parts.js";
import { ROOT } from "../pvtwin.js";
import { runMain } from "./run-main.js";

const STORM = join(ROOT, "recordings", "thread_storm.perf.txt.gz");

describe("pvtwin run", () => {
  let dir: string;
  before(() => {
    dir = mkdtempSync(join(tmpdir(), "pvtwin-run-"));
  });
  after(() => rmSync(dir, { recursive: true }));

  it("gives the ledger, counts per vCPU, and the recording's seconds and events", async () => {
    const { status, out: stdout } = await runMain("run", STORM, "--proposal", "xpti", "--json");
    expect(status).to.equal(0);
    const run = JSON.parse(stdout);
    expect(run).to.include({
      proposal: "xpti",
      events: 93229,
      seconds: 0.257299,
      verdict: "guest-mode-only",
    });
    expect(run.perVcpu).to.have.length(2);
    expect(run.perVcpu[0].cr3_write + run.perVcpu[1].cr3_write).to.equal(run.counts.cr3_write);
    const line = run.ledger.find(({ event }: { event: string }) => event === "cr3_write");
    expect(line).to.include({ count: run.counts.cr3_write });
    expect(line.priceSource).to.include("CR3 write");
  }).timeout(20_000);

  describe("of xen-vcpu-root, with a timeline and stacks", () => {
    let ran: { status: number; out: string; stacks: string[]; bytes: number; traceEvents: TraceEvent[] };
    before(async function () {
      this.timeout(60_000);
      const [file, folded] = [join(dir, "storm.json"), join(dir, "storm.folded")];
      const args = ["run", STORM, "--proposal", "xen-vcpu-root", "--trace", file, "--folded", folded];
      const { status, out } = await runMain(...args);
      const text = readFileSync(file);
      const { traceEvents } = JSON.parse(text.toString("utf8")) as { traceEvents: TraceEvent[] };
      const stacks = readFileSync(folded, "utf8").trimEnd().split("\n");
      ran = { status, out, stacks, bytes: text.length, traceEvents };
    });

    it("writes the timeline of Linux and Xen under 100 MB, and says what opens it", () => {
      const { status, out, bytes, traceEvents } = ran;
      expect(status).to.equal(0);
      expect(out).to.include("ui.perfetto.dev").and.include("storm.folded");
      expect(bytes).to.be.within(1e6, 100e6);
      const processes = traceEvents
        .filter(({ name }) => name === "process_name")
        .map(({ args }) => args!["name"]);
      expect(processes).to.deep.equal(["Linux", "Xen"]);
    });

    it("writes stacks that add up to the cycles that it prints", () => {
      const { out, stacks } = ran;
      for (const stack of stacks)
        expect(stack).to.match(/^thread_storm under xen-vcpu-root(;[\w /-]+){3} [1-9]\d*$/);
      const cycles = stacks.reduce((sum, stack) => sum + Number(/\d+$/.exec(stack)![0]), 0);
      expect(out).to.include(`${Math.round(cycles / 1e6)} M cycles [`);
    });

    it("shows no two pCPUs on one L4", () => {
      const { traceEvents } = ran;
      expect(traceEvents.filter(({ ph, pid, tid }) => ph === "X" && pid === 2 && tid >= 2)).to.be.empty;
    });
  });

  it("predicts the xen events of a program in a PV guest from its Linux events alone", async () => {
    const traces = join(ROOT, "test", "data", "traces");
    const { status, out: stdout } = await runMain(
      "run",
      join(traces, "thread_storm.xenpv.tracecmd.txt.gz"),
      "--compare",
      join(traces, "thread_storm.xenpv.counts.json"),
      "--json",
    );
    expect(status).to.equal(0);
    const { compare, queued, tables, write_cr3 } = JSON.parse(stdout);
    const within = (percent: number, pairs: object, ...names: string[]) => {
      for (const name of names) {
        const { recorded, modelled } = (pairs as Record<string, { recorded: number; modelled: number }>)[
          name
        ]!;
        expect(Math.abs(modelled - recorded), name).to.be.at.most((percent / 100) * recorded);
      }
    };
    within(0, compare, "xen_mmu_set_p4d", "xen_mmu_set_pud", "xen_mmu_pgd_pin", "xen_mmu_pgd_unpin");
    within(3, compare, "xen_mmu_set_pmd", "xen_mmu_alloc_ptpage", "xen_mmu_release_ptpage");
    within(3, tables, "alloc_pud", "alloc_pmd", "alloc_pte", "release_pud", "release_pmd", "release_pte");
    within(5, compare, "xen_mmu_set_pte", "xen_mmu_flush_tlb_multi", "xen_mmu_flush_tlb_one_user");
    within(10, queued, "mmu_update", "mmuext_op", "update_va_mapping", "stack_switch");
    within(10, write_cr3, "changed");
  }).timeout(20_000);

  it("refuses counts that are none, naming the file and the remedy", async () => {
    const { status, err: stderr } = await runMain("run", STORM, "--compare", join(ROOT, "package.json"));
    expect(status).to.equal(2);
    expect(stderr).to.match(/^pvtwin: [^\n]*package\.json: xen_events_total: [^\n]+counts\.json[^\n]*\n$/);
  });
});
