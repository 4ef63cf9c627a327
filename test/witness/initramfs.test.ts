import { spawnSync } from "node:child_process";
import { expect } from "chai";
import {
  characterDevice,
  directory,
  executable,
  packInitramfs,
  regularFile,
  symlink,
} from "../../witness/initramfs.js";

describe("witness: initramfs", () => {
  const archive = packInitramfs([
    directory("dev"),
    characterDevice("dev/console", 5, 1),
    executable("init", Buffer.from("#!/bin/sh\n")),
    regularFile("scripts/one", "abc"),
    symlink("sh", "init"),
  ]);
  const header = (at: number, field: number): number =>
    parseInt(archive.toString("latin1", at + 6 + field * 8, at + 14 + field * 8), 16);

  it("is of the newc kind, each name and each file padded to 4 bytes, and ends in TRAILER!!!", () => {
    const names: string[] = [];
    let at = 0;
    for (;;) {
      expect(archive.toString("latin1", at, at + 6)).to.equal("070701");
      const [size, nameSize] = [header(at, 6), header(at, 11)];
      const name = archive.toString("latin1", at + 110, at + 110 + nameSize - 1);
      if (name === "TRAILER!!!") break;
      names.push(name);
      at = (at + 110 + nameSize + 3) & ~3;
      at = (at + size + 3) & ~3;
    }
    expect(names).to.deep.equal(["dev", "dev/console", "init", "scripts/one", "sh"]);
  });

  it("gives a device its numbers, a program its execute bits, and a link its target", () => {
    const at = archive.indexOf("dev/console") - 110;
    expect([header(at, 1), header(at, 9), header(at, 10)]).to.deep.equal([0o020600, 5, 1]);
    expect(header(archive.indexOf("init\0") - 110, 1)).to.equal(0o100755);
    const target = (archive.indexOf("sh\0", archive.indexOf("abc")) + 3 + 3) & ~3;
    expect(archive.toString("latin1", target, target + 4)).to.equal("init");
  });

  it("is what cpio lists", function () {
    const listed = spawnSync("cpio", ["-t", "--quiet"], { input: archive, encoding: "utf8" });
    if (listed.error !== undefined) this.skip();
    expect(listed.stdout.trim().split("\n")).to.deep.equal([
      "dev",
      "dev/console",
      "init",
      "scripts/one",
      "sh",
    ]);
  });
});
