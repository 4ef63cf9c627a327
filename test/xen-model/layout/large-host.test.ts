import { expect } from "chai";
import { census } from "../../../xen-model/layout/census.js";
import { GIB, xenHost } from "./hosts.js";

describe("a host of 1 TiB, 256 pCPUs and 1,000 domains", () => {
  for (const directmap of [true, false]) {
    it(`is built and censused in seconds, with tables of less than 1 GiB, ${directmap ? "with" : "without"} a directmap`, () => {
      const types = ["pv64", "pv32", "hvm"] as const;
      const began = process.cpuUsage(); // other processes may slow this one down
      const domains = Array.from({ length: 1000 }, (_, i) => ({
        type: types[i % 3]!,
        vcpus: 2,
        frames: 900 * 256,
      }));
      const host = xenHost({ nrFrames: 1024 * GIB, nrPcpus: 256, domains, options: { directmap } });
      const found = census(host, { meltdown: true, l1tf: false });
      expect(found).to.have.length(256 * 4);
      expect(host.mem.words.byteLength).to.be.below(2 ** 30);
      const { user, system } = process.cpuUsage(began);
      expect((user + system) / 1e6).to.be.below(10);
    }).timeout(30_000);
  }
});
