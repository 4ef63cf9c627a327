import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { type Ran, runMain } from "./run-main.js";

const DIRECTED = join(__dirname, "../data/xen-4.17/directed.jsonl");

const replay = (...args: string[]): Promise<Ran> => runMain("replay", ...args);

describe("pvtwin replay", () => {
  let dir: string;
  let file: string;
  const script = (ops: object[], fields: object = {}) =>
    writeFileSync(file, JSON.stringify({ name: "s", vcpus: 2, pages: 4, ops, ...fields }));
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "replay-"));
    file = join(dir, "s.jsonl");
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  it("finds recorded scripts equal, with one JSON document and nothing else on stdout", async () => {
    const { out, err, status } = await replay(DIRECTED, "--json");
    expect(JSON.parse(out)).to.deep.equal({ scripts: 146, ops: 3967, equal: 3967, different: 0, first: [] });
    expect(err).to.match(/^[\d,]+ hypercalls; .*\/s on this machine/);
    expect(status).to.equal(0);
  });

  it("tells a difference by script and op, and leaves with status 1", async () => {
    script([{ op: "mmuext", ops: [{ cmd: "unpin", frame: "p0" }], result: { rc: 0, done: 1 } }]);
    const { out, status } = await replay(file);
    expect(out).to.equal(
      "1 scripts, 1 ops, 0 equal, 1 different\ns op 0\n" +
        '  recorded {"rc":0,"done":1}\n  modelled {"rc":-22,"err":"EINVAL","done":0}\n',
    );
    expect(status).to.equal(1);
  });

  it("recounts all references with --check, preempted as asked", async () => {
    const { out, status } = await replay(DIRECTED, "--check", "--preempt", "1", "--json");
    expect(JSON.parse(out)).to.deep.include({ different: 0, broken: [] });
    expect(status).to.equal(0);
  });

  it("explains each op in Xen's words: result, rule, frames", async () => {
    const pin = { op: "mmuext", ops: [{ cmd: "pin_l1", frame: "p1" }] };
    script([
      { op: "home", page: "p1", access: "ro", result: { rc: 0 } },
      { op: "mmuext", ops: [{ cmd: "pin_l2", frame: "p2" }], result: { rc: -22, err: "EINVAL", done: 0 } },
      { ...pin, result: { rc: 0, done: 1 } },
      { op: "write", page: "p1", index: 1, entry: "p1|0x67", result: FAULT },
    ]);
    const { out } = await replay(file, "--explain");
    expect(out.split("\n")).to.deep.equal([
      "s",
      "   0 update_va_mapping(p1's home, p1|0x65, UVMF_INVLPG | UVMF_ALL) = 0",
      "       p1: writable 1, count 2 -> writable 0, count 2",
      "   1 mmuext_op: MMUEXT_PIN_L2_TABLE p2 = -EINVAL, 0 done",
      "       _get_page_type: mfn 0x132 (p2) as l2: it has 1 uses as writable; drop them first (-EINVAL)",
      "   2 mmuext_op: MMUEXT_PIN_L1_TABLE p1 = 0, 1 done",
      "       validate_page: mfn 0x131 (p1): all entries pass for l1",
      "       p1: writable 0, count 2 -> l1 1 pinned, count 3",
      "   3 store p1|0x67 to p1[1] = #PF, error code 0x3, at 0xffffffff80401008",
      "       _get_page_type: mfn 0x131 (p1) as writable: it has 2 uses as l1; drop them first (-EINVAL)",
      "       get_page_from_l1e: mfn 0x131 (p1): it is in other use; map it read-only (-EBUSY)",
      "       Pagetable walk from ffffffff80401008:",
      "        L4[0x1ff] = 0000000000121067 0000000000000121",
      "        L3[0x1fe] = 0000000000122067 0000000000000122",
      "        L2[0x002] = 0000000000123067 0000000000000123",
      "        L1[0x001] = 0000000000131165 0000000000000131",
      "1 scripts, 4 ops, 4 equal, 0 different",
      "",
    ]);
  });

  const bad: [string, () => void, RegExp][] = [
    [
      "what is not JSON",
      () => writeFileSync(file, "\n{"),
      /s\.jsonl: line 2: is not JSON; one script a line is needed\n$/,
    ],
    ["an unknown op", () => script([{ op: "frob", result: {} }]), /s\.jsonl: line 1: ops\.0\.op: .*; see /],
    ["an op without a result", () => script([{ op: "nop" }]), /line 1: ops\.0: has no result; see /],
    [
      "a page that the script does not have",
      () => script([{ op: "read", page: "p4", index: 0, result: {} }]),
      /line 1: page p4 is none of the script's 4; see /,
    ],
    ["a file without scripts", () => writeFileSync(file, "\n"), /s\.jsonl: holds no script; name another\n$/],
  ];
  for (const [what, write, message] of bad) {
    it(`refuses ${what} with one line and status 2`, async () => {
      write();
      const { err, status } = await replay(file);
      expect(err).to.match(message);
      expect(err.trimEnd()).to.not.contain("\n");
      expect(status).to.equal(2);
    });
  }

  const usage: [string[], RegExp][] = [
    [["nowhere.jsonl"], /nowhere\.jsonl: cannot be read \(ENOENT\)/],
    [[DIRECTED, "--preempt", "often"], /--preempt: "often" is no whole number; give 0 for never/],
    [[DIRECTED, "--xen", "5"], /--xen: "5" is no version that is modelled; give 4.17 or master/],
    [[DIRECTED, "--script", "none"], /has no script none; name another/],
  ];
  for (const [args, message] of usage) {
    it(`refuses ${args.slice(-2).join(" ").replace(DIRECTED, "FILE")} with status 2`, async () => {
      const { err, status } = await replay(...args);
      expect(err).to.match(message);
      expect(status).to.equal(2);
    });
  }
});

const FAULT = { fault: { vector: 14, error: "0x3", cr2: "0xffffffff80401008" } };
