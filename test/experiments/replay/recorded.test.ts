/** Recorded scripts on the Xen twin: every result, and every invariant afterwards, however often Xen is preempted. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { GuestMachine } from "../../../experiments/replay/guest-machine.js";
import { replayScript } from "../../../experiments/replay/replay-script.js";
import { parseScript, type Script } from "../../../experiments/replay/script.js";
import { brokenInvariants } from "../../../xen-model/invariants.js";
import type { XenConfig } from "../../../xen-model/xen-config.js";

const DATA = join(__dirname, "../../data/xen-4.17");

function scriptsOf(name: string): Script[] {
  const lines = readFileSync(join(DATA, name), "utf8").split("\n");
  return lines.flatMap((text, i) => (text === "" ? [] : [parseScript(text, name, i + 1)]));
}

/** What differed from the recordings, and what was broken after a script. */
function replay(scripts: Script[], options: Partial<XenConfig>): string[] {
  const machines = new Map<number, GuestMachine>();
  const wrong: string[] = [];
  for (const script of scripts) {
    const machine = machines.get(script.pages) ?? new GuestMachine(script.pages, options);
    machines.set(script.pages, machine);
    replayScript(machine, script, (index, op, modelled, equal) => {
      if (!equal)
        wrong.push(`${script.name} op ${index}: ${JSON.stringify(op.result)} ${JSON.stringify(modelled)}`);
    });
    wrong.push(...brokenInvariants(machine.xen).map((what) => `${script.name}: ${what}`));
  }
  return wrong;
}

describe("Recorded scripts (facts/xen.md 1)", () => {
  const tlb = { sets: 32, ways: 4 };
  const ways: [string, Partial<XenConfig>][] = [
    ["as recorded", {}],
    ["with a preemption at every check", { preempt: 1 }],
    ["with a preemption at every 3rd check", { preempt: 3 }],
    ["through a TLB, which Xen flushes as far as it promises", { tlb }],
    ["through a TLB, with preemption", { tlb, preempt: 2 }],
    ["under XPTI", { root: "xpti", pcid: true }],
  ];
  for (const file of ["directed.jsonl", "random-sample.jsonl"]) {
    const scripts = scriptsOf(file);
    for (const [how, options] of ways) {
      it(`${file} has equal results and keeps all invariants ${how}`, () => {
        const known = options.root === "xpti" ? scripts.filter(({ name }) => name !== XPTI_DIFFERS) : scripts;
        expect(replay(known, options)).to.deep.equal([]);
      });
    }
  }

  const pv32 = scriptsOf("pv32-directed.jsonl");
  for (const [how, options] of ways) {
    if (options.root === "xpti") continue; // forced off for a 32-bit guest
    it(`pv32-directed.jsonl has equal results and keeps all invariants ${how} (facts/xen.md 6)`, () => {
      expect(replay(pv32, { ...options, pv32: true })).to.deep.equal([]);
    });
  }

  it("a debug build refuses PTE bit 62 in a present L1 entry", () => {
    const wrong = replay(scriptsOf("directed.jsonl"), { debug: true });
    expect(wrong.length).to.be.greaterThan(0);
    for (const what of wrong) expect(what).to.match(/0x4[0-9a-f]{15}|-22|fault/);
  });
});

/** Under XPTI a probe of Xen's private slots finds nothing there, where it would be refused (error code 0, not 1). */
const XPTI_DIFFERS = "directed/xen-slots-base-l4";
