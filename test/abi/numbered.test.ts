/** Names that are numbers: constants in what V8 compiles, whatever else is made with those names. */
import { expect } from "chai";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { EV, EVENT_NAMES } from "../../abi/events.js";
import { CAUSE, CAUSES } from "../../abi/ledger.js";

const NUMBERED = join(__dirname, "..", "..", "dist", "abi", "numbered.js");

/** Is what was compiled with a table's number in it still there, once a report has had something else under that name? */
function staysCompiled(table: string): boolean {
  const program = `
    const { numbered } = require(${JSON.stringify(NUMBERED)});
    const names = ["boot", "syscall", "fault"];
    const TABLE = ${table};
    const fault = () => TABLE.fault;
    %PrepareFunctionForOptimization(fault);
    for (let i = 0; i < 3; i++) fault();
    %OptimizeFunctionOnNextCall(fault);
    fault();
    const report = {};
    for (const name of names) report[name] = { page_fault: 1 };
    fault();
    console.log((%GetOptimizationStatus(fault) & 16) !== 0); // 16: kOptimized`;
  const words = ["--allow-natives-syntax", "-e", program];
  return execFileSync(process.execPath, words, { encoding: "utf8" }).trim() === "true";
}

describe("names that are numbers", () => {
  it("are their places", () => {
    expect(EVENT_NAMES.map((name) => EV[name])).to.deep.equal([...EVENT_NAMES.keys()]);
    expect(CAUSES.map((name) => CAUSE[name])).to.deep.equal([...CAUSES.keys()]);
    expect(Object.isFrozen(EV)).to.equal(true);
  });

  it("are constants in compiled code, and a report by the same names does not undo that", () => {
    expect(staysCompiled("numbered(names)")).to.equal(true);
    const plain = "Object.freeze(Object.fromEntries(names.map((name, i) => [name, i])))";
    expect(staysCompiled(plain), "the plain form").to.equal(false);
  });
});
