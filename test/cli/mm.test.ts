import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { type Ran, refusal, runMain } from "./run-main.js";

const FILE = join(__dirname, "../data/linux-6.1-pv/visible.jsonl.gz");

const mm = (...args: string[]): Promise<Ran> => runMain("mm", ...args);

describe("pvtwin mm", () => {
  let dir: string;
  let file: string;

  before(() => {
    dir = mkdtempSync(join(tmpdir(), "pvtwin-mm-"));
    file = join(dir, "one.jsonl");
  });
  after(() => rmSync(dir, { recursive: true }));

  /** A script of two steps, the second of which is said to have written `set_pte` PTEs. */
  const script = (set_pte: number | number[]): string =>
    JSON.stringify({
      name: "one",
      group: "test",
      vcpus: 2,
      tasks: [{ task: "t0", vcpu: 0 }],
      regions: { a: { slot: 7, page: 0, pages: 4 } },
      steps: [
        { task: "t0", op: "mmap", region: "a" },
        { task: "t0", op: "touch", region: "a", from: 1, count: 2, access: "write" },
      ],
      results: [{ step: 1, main: { linux: { set_pte } }, stable: typeof set_pte === "number" }],
    });

  const setPte = async (set_pte: number | number[]): Promise<object> => {
    writeFileSync(file, script(set_pte));
    return (JSON.parse((await mm(file, "--json")).out) as { counters: Record<string, object> }).counters
      .set_pte!;
  };

  it("compares a counter that all recordings agree on with the number itself", async () => {
    expect(await setPte(2)).to.deep.equal({ compared: 1, exact: 1, recorded: 2, modelled: 2 });
    expect(await setPte(3)).to.deep.equal({ compared: 1, exact: 0, recorded: 3, modelled: 2 });
  });

  it("compares a counter that moves with its range, and reports the median", async () => {
    expect(await setPte([2, 4, 9])).to.deep.equal({ compared: 1, exact: 1, recorded: 4, modelled: 2 });
    expect(await setPte([3, 4, 9])).to.deep.equal({ compared: 1, exact: 0, recorded: 4, modelled: 2 });
  });

  it("leaves 1 where something differs, and names script, step, counter and both numbers", async () => {
    writeFileSync(file, script(3));
    const { out, status } = await mm(file);
    expect(status).to.equal(1);
    expect(out).to.include("one:1 touch (main) set_pte: recorded 3, modelled 2");
  });

  it("leaves 0 where all is equal, and counts scripts and steps", async () => {
    const { out, status } = await mm(FILE, "--step", "fork_cow:3", "--json");
    const document = JSON.parse(out) as { scripts: number; steps: number; first: object[] };
    expect(status).to.equal(0);
    expect(document).to.include({ scripts: 1, steps: 1 });
    expect(document.first).to.deep.equal([]);
  });

  it("explains a step by its pv-ops and hypercalls in order, each with the functions that led to it", async () => {
    const { out } = await mm(FILE, "--step", "fork_cow:3", "--explain");
    const at = (what: RegExp): number => out.split("\n").findIndex((line) => what.test(line));
    const order = [
      at(/ptep_get_and_clear.* > do_wp_page$/),
      at(/flush_tlb_mm_range.* > do_wp_page$/),
      at(/HYPERVISOR_mmuext_op .* > xen_flush_tlb_one_user/),
      at(/HYPERVISOR_mmu_update .* > do_wp_page > .*xen_set_pte$/),
      at(/HYPERVISOR_iret to user mode/),
    ];
    expect(order[0]).to.be.at.least(0);
    expect(order.slice(0, 4)).to.deep.equal([...order.slice(0, 4)].sort((a, b) => a - b));
  });

  it("refuses a file that is not there, a line that is no script, and damaged gzip", async () => {
    expect(await refusal("mm", join(dir, "none.jsonl"))).to.match(/none\.jsonl: cannot be read \(ENOENT\); /);
    writeFileSync(file, `${script(2)}\n{"name": 5}\n`);
    expect(await refusal("mm", file)).to.match(/one\.jsonl: line 2, name: .*; see FORMAT\.md/);
    writeFileSync(file, "no json");
    expect(await refusal("mm", file)).to.match(/line 1: is not JSON; /);
    writeFileSync(file, Buffer.from([0x1f, 0x8b, 8, 0]));
    expect(await refusal("mm", file)).to.match(/damaged gzip; /);
    writeFileSync(file, "\n");
    expect(await refusal("mm", file)).to.match(/holds no script; /);
  });

  it("refuses steps that are not there, and steps on what a script does not have", async () => {
    expect(await refusal("mm", FILE, "--step", "fork_cow")).to.match(/--step: fork_cow: names no step; /);
    expect(await refusal("mm", FILE, "--step", "fork_cow:99")).to.match(
      /fork_cow:99: is no step of its scripts; /,
    );
    expect(await refusal("mm", FILE, "--explain")).to.match(/--explain: needs one step to explain; /);
    writeFileSync(file, script(2).replace('"region":"a","from":1', '"region":"b","from":1'));
    expect(await refusal("mm", file)).to.match(/one step 1: there is no region b; /);
    writeFileSync(file, script(2).replace('"task":"t0","op":"touch"', '"task":"t9","op":"touch"'));
    expect(await refusal("mm", file)).to.match(/one step 1: there is no task t9 now; /);
  });
});
