/**
 * A guest that promises to share no L4, and shares swapper_pg_dir, on a real Xen with the audit: as the twin says.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { expect } from "chai";
import { EBUSY } from "../../abi/errno.js";
import { linuxComplaints, parseConsole, xenComplaints } from "../../witness/console.js";

describe("witness: a guest that shares an L4 it promised not to", () => {
  const file = join(__dirname, "../data/witness/refused.console.gz");
  const { linux, xen } = parseConsole(
    gunzipSync(readFileSync(file)).toString("latin1"),
    "refused.console.gz",
  );

  it("is refused vCPU 1, since vCPU 0 has the L4 installed, with a line in Xen's log", () => {
    expect(xenComplaints(xen)).to.deep.equal(["d0v0 d0v1: L4 mfn 139a0a refused: d0v0 has it installed"]);
  });

  it("gets -EBUSY from VCPUOP_initialise, which cpu_initialize_context() does not survive", () => {
    const rax = linux
      .map((line) => /RAX: ([0-9a-f]{16})/.exec(line)?.[1])
      .find((value) => value !== undefined);
    expect(BigInt.asIntN(64, BigInt(`0x${rax}`))).to.equal(-BigInt(EBUSY));
    expect(linuxComplaints(linux).join("\n")).to.match(/kernel BUG at arch\/x86\/xen\/smp_pv\.c/);
  });
});
