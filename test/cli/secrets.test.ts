import { expect } from "chai";
import { runMain } from "./run-main.js";

const SMALL = ["--memory", "8G", "--pcpus", "4", "--domains", "3"];

describe("pvtwin secrets", () => {
  it("prints bytes by class for each pCPU and mode with --json", async () => {
    const { status, out: stdout } = await runMain("secrets", "shared", ...SMALL, "--json");
    expect(status).to.equal(0);
    const { perPcpu } = JSON.parse(stdout) as {
      perPcpu: { mode: string; classes: Record<string, number> }[];
    };
    expect(perPcpu).to.have.length(4 * 4);
    const xen = perPcpu.find(({ mode }) => mode === "xen")!;
    expect(xen.classes.other_domains).to.be.greaterThan(4 * 2 ** 30);
  }).timeout(30_000);

  for (const args of [
    ["--diff", "shared", "linux-per-vcpu"],
    ["shared", "--diff", "linux-per-vcpu"],
  ]) {
    it(`says that two proposals reach the same, asked by ${args.join(" ")}`, async () => {
      const { status, out: stdout } = await runMain("secrets", ...args, ...SMALL);
      expect([status, stdout]).to.deep.equal([
        0,
        "shared and linux-per-vcpu: every pCPU reaches the same in every mode\n",
      ]);
    }).timeout(30_000);
  }

  it("names the first proposal first where two differ", async () => {
    const { out: stdout } = await runMain("secrets", "--diff", "xpti", "shared", "--meltdown", ...SMALL);
    expect(stdout).to.match(/^most that a pCPU reaches +xpti +shared +difference\n/);
  }).timeout(30_000);

  const refused = [
    [[], "<proposal>: is missing"],
    [["nope"], "is no proposal"],
    [["shared", "--diff", "xpti", "xen-vcpu-root"], "--diff: names 3 of two proposals"],
    [["--diff", "shared"], "--diff: names 1 of two proposals"],
    [["shared", "--explain", "0x800000000000"], "is no canonical address"],
    [["shared", "--explain", "12"], "is no canonical address"],
    [["shared", "--explain", "0x0", "--mode", "smm"], "is no mode"],
    [["shared", "--explain", "0x0", "--pcpu", "9"], "the host has 8 pCPUs"],
    [["shared", "--memory", "1G", "--domains", "600"], "too little memory"],
    [["shared", "--memory", "lots"], "a size from 256M to 64T is needed"],
  ] as const;
  for (const [args, message] of refused) {
    it(`refuses ${args.join(" ")} with one message`, async () => {
      const { status, out: stdout, err: stderr } = await runMain("secrets", ...args);
      expect([status, stdout]).to.deep.equal([2, ""]);
      expect(stderr).to.contain(message).and.not.contain("    at ");
    }).timeout(30_000);
  }
});
