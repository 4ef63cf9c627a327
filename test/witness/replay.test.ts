/** Hypercall scripts for the replayer in the guest, and what it prints. */
import { spawnSync } from "node:child_process";
import { expect } from "chai";
import { BadInput } from "../../abi/bad-input.js";
import { decodeImage, noteValue } from "../../elfnotes/read-image.js";
import type { Op, Script } from "../../experiments/replay/script.js";
import { replayerImage } from "../../witness/guest-files.js";
import { recordedScripts } from "../../witness/replay-record.js";
import { boots } from "../../witness/replay.js";
import { isPlayed, replayText } from "../../witness/replay-text.js";

const scriptOf = (...ops: Op[]): Script => ({ name: "a/script", vcpus: 2, pages: 24, ops });
const lineOf = (op: Op): string => replayText(scriptOf(op)).split("\n").slice(1, -1).join("\n");

describe("witness: a hypercall script, for the replayer", () => {
  const cases: [string, Op, string][] = [
    [
      "a home mapping, with UVMF_INVLPG | UVMF_ALL",
      { op: "home", page: "p1", access: "ro" },
      "0 v #ffffffff80401000 p1|65 #6",
    ],
    [
      "a flush of vCPUs in a bitmap, by a pointer to it",
      { op: "update_va_mapping", va: "p0+0x0", entry: "none|0x0", flush: "tlb_multi", mask: 3 },
      "0 v #ffffffff80400000 none|0 #1 &3",
    ],
    [
      "UVMF_LOCAL, which is UVMF_MULTI without a pointer",
      { op: "home", page: "p0", access: "none", flush: "tlb_local" },
      "0 v #ffffffff80400000 none|0 #1",
    ],
    [
      "an update of entry 5, its command in the low bits",
      { op: "mmu_update", updates: [{ cmd: "preserve_ad", table: "p2", index: 5, entry: "p3|0x67" }] },
      "0 m #7ff0 p2|2a p3|67",
    ],
    [
      "a machine-to-phys entry, which is the guest's number",
      { op: "mmu_update", updates: [{ cmd: "machphys", table: "p2", gpfn: "p3" }] },
      "0 m #7ff0 p2|1 #403",
    ],
    [
      "extended ops of another vCPU",
      {
        op: "mmuext",
        vcpu: 1,
        ops: [
          { cmd: "pin_l4", frame: "p0" },
          { cmd: "copy_page", frame: "p1", src: "p2" },
        ],
      },
      "1 x #7ff0 #3 =p0 #0 #11 =p1 =p2",
    ],
    [
      "a multicall, a call a line",
      { op: "multicall", calls: [{ op: "mmuext", ops: [{ cmd: "new_baseptr", frame: "p0" }] }] },
      "0 c #1\nx #7ff0 #5 =p0 #0",
    ],
    ["a load behind a flush", { op: "read", page: "p0", index: 1 }, "0 R #ffffffff80400008"],
    ["a load without one", { op: "read", page: "p0", index: 1, noflush: true }, "0 r #ffffffff80400008"],
    ["a vCPU's start", { op: "initialise", target: 2, frame: "p0", user: "p1" }, "0 i #2 =p0 =p1"],
  ];
  for (const [what, op, line] of cases) it(`is ${what}: ${line}`, () => expect(lineOf(op)).to.equal(line));

  it("leaves out what happens in user mode, and what the recorder left out", () => {
    expect(isPlayed({ op: "probe_read", va: "0x0", mode: "user" })).to.equal(false);
    expect(isPlayed({ op: "nop", result: { skipped: "unsafe" } })).to.equal(false);
    expect(isPlayed({ op: "probe_read", va: "0x0" })).to.equal(true);
  });

  it("shares a boot with those of its kind, unless it starts a vCPU", () => {
    const [a, b] = [scriptOf({ op: "nop" }), { ...scriptOf({ op: "nop" }), exclusive: true }];
    const c = { ...scriptOf({ op: "initialise", target: 2, frame: "p0" }), name: "c" };
    expect(boots([a, b, c, a])).to.deep.equal([[a, a], [b], [c]]);
  });
});

describe("witness: what the replayer printed", () => {
  const script: Script = {
    ...scriptOf(
      { op: "mmuext", ops: [{ cmd: "new_baseptr", frame: "p0" }] },
      { op: "read", page: "p0", index: 0 },
      { op: "nop", mode: "user", result: { ok: true } },
      {
        op: "multicall",
        calls: [
          { op: "mmuext", ops: [] },
          { op: "home", page: "p0", access: "rw" },
        ],
      },
      { op: "write", page: "p0", index: 0, entry: "none|0x0" },
    ),
  };
  const said = [
    "@@ script a/script",
    "@@ frame p0 13dc00",
    "(XEN) arch/x86/mm.c:3713:d0v0 mfn 13dc00 not pinned",
    "(XEN) d0v0 d0v0: L4 mfn 13dc00 refused: d0v1 has it installed",
    "@= -16 0",
    "@= ok p1|0x67",
    "@= 0;-22 -;0",
    "@= fault 14 0x3 0xffffffff80400000",
    "@@ all",
  ];

  it("becomes results, with what Xen's audit said, by the script's names", () => {
    const [recorded] = recordedScripts([script], said.join("\r\n"), "console.log");
    expect(recorded!.ops.map(({ result }) => result)).to.deep.equal([
      { rc: -16, err: "EBUSY", done: 0, log: ["d0v0 d0v0: L4 mfn p0 refused: d0v1 has it installed"] },
      { ok: true, value: "p1|0x67" },
      { skipped: "not_played" },
      { rc: 0, calls: [{ rc: -22, err: "EINVAL", done: null }, { rc: 0 }] },
      { fault: { vector: 14, error: "0x3", cr2: "0xffffffff80400000" } },
    ]);
  });

  it("is refused where the guest ended in the middle", () => {
    expect(() => recordedScripts([script], said.slice(0, 6).join("\n"), "console.log")).to.throw(
      BadInput,
      "console.log: a/script: the guest ended before it was done",
    );
  });
});

describe("witness: the replayer's image", () => {
  for (const [isExclusive, features] of [
    [true, "0x200800"],
    [false, "0x800"],
  ] as const) {
    it(`is a PV dom0 kernel with SUPPORTED_FEATURES ${features}`, async function () {
      this.timeout(20_000);
      if (spawnSync("cc", ["--version"]).error !== undefined) this.skip();
      const image = await decodeImage(replayerImage("cc", isExclusive), "replayer");
      const SUPPORTED_FEATURES = 17;
      expect(noteValue(image, SUPPORTED_FEATURES)).to.equal(features);
    });
  }
});
