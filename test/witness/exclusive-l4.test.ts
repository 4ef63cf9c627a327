/**
 * The audit of patches-notes/exclusive-l4/xen on a real Xen: hypercall scripts of guests that promise to install an L4 on one
 * vCPU only, and of guests that do not. The twin gives the same answers, and the same lines for the log.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { expect } from "chai";
import { machineOf, replayScript } from "../../experiments/replay/replay-script.js";
import { parseScript, type Script } from "../../experiments/replay/script.js";
import { parseConsole, xenComplaints } from "../../witness/console.js";
import { report_l4_audit } from "../../xen-model/audit-log.js";
import { XEN_RULES } from "../../xen-model/audit-rules.js";
import type { XenConfig } from "../../xen-model/xen-config.js";

const DATA = join(__dirname, "../data/witness");
const FILE = "exclusive-l4.jsonl";

const scripts = readFileSync(join(DATA, FILE), "utf8")
  .split("\n")
  .flatMap((text, i) => (text === "" ? [] : [parseScript(text, FILE, i + 1)]));

/** "script op": where the twin of a debug Xen says something else. */
function differences(of: readonly Script[], config: Partial<XenConfig> = {}): string[] {
  return of.flatMap((script) => {
    const wrong: string[] = [];
    replayScript(machineOf(script, { debug: true, ...config }), script, (index, op, modelled, equal) => {
      if (!equal)
        wrong.push(`${script.name} op ${index}: ${JSON.stringify(op.result)} ${JSON.stringify(modelled)}`);
    });
    return wrong;
  });
}

/** All refusals in the log, with the errno that came back. */
function refusals(of: readonly Script[]): { rc: number; log: string[] }[] {
  return of.flatMap(({ ops }) =>
    ops.flatMap(({ result }) => ((result as { log?: unknown }).log === undefined ? [] : [result as never])),
  );
}

describe("witness: the audit of L4s on a real Xen", () => {
  const exclusive = scripts.filter((script) => script.exclusive === true);
  const shared = scripts.filter((script) => script.exclusive !== true);

  it("answers as the twin, op by op, and writes the same lines", () => {
    expect(exclusive.length).to.be.at.least(15);
    expect(differences(exclusive)).to.deep.equal([]);
  });

  it("refuses a guest that promised with -EBUSY, whichever hypercall it takes", () => {
    const all = refusals(exclusive);
    expect(all.length).to.be.at.least(30);
    for (const { rc } of all) if (rc < 0) expect(rc).to.equal(-16);
  });

  it("refuses a guest that promised nothing no L4, whoever has it, as the twin", () => {
    expect(refusals(shared)).to.deep.equal([]);
    expect(differences(shared)).to.deep.equal([]);
  });

  describe("says when a domain starts whether it is audited, in the twin's words:", () => {
    const xenOf = (name: string): string[] =>
      parseConsole(gunzipSync(readFileSync(join(DATA, name))).toString("latin1"), name).xen;
    const about = (lines: readonly string[]): string[] =>
      lines.filter((line) => line.includes("top-level pagetables"));
    const [audited, notAudited] = [report_l4_audit(0, true, false), report_l4_audit(0, false, false)];

    it("the guests of the scripts, in each of their boots", () => {
      const said = about(xenOf("exclusive-l4.console.gz"));
      expect(new Set(said)).to.deep.equal(new Set([audited, notAudited]));
    });

    it("the prototype, which is refused nothing, in storms of forks, threads and migrations", () => {
      const xen = xenOf("audited.console.gz");
      expect(about(xen)).to.deep.equal([audited]);
      expect(xenComplaints(xen)).to.deep.equal([]);
    });

    it("Debian's kernel, which falls back to what it had", () => {
      const xen = xenOf("fallback.console.gz");
      expect(about(xen)).to.deep.equal([notAudited]);
      expect(xenComplaints(xen)).to.deep.equal([]);
    });
  });

  describe("is told from", () => {
    it("a twin whose owners last beyond the installation", () => {
      const rules = { ...XEN_RULES, owner_ends_with_installation: false };
      expect(differences(exclusive, { rules })).to.not.deep.equal([]);
    });

    it("a twin that lets L4s be linear", () => {
      const rules = { ...XEN_RULES, no_linear_exclusive_l4: false };
      expect(differences(exclusive, { rules })).to.not.deep.equal([]);
    });

    it("a twin that does not audit", () => {
      const asShared = exclusive.map((script) => ({ ...script, exclusive: false }));
      expect(differences(asShared).length).to.be.at.least(30);
    });
  });
});
