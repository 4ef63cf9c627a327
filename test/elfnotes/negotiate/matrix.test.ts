import { expect } from "chai";
import { defineProposal, type Proposal } from "../../../abi/proposal.js";
import { guestOf } from "../../../elfnotes/negotiate/guest.js";
import { compatMatrix } from "../../../elfnotes/negotiate/matrix.js";
import type { Row } from "../../../elfnotes/negotiate/row.js";
import { decodeImage } from "../../../elfnotes/read-image.js";
import { bzImage, elf, type ElfSpec, le32, linuxNotes, type NoteSpec, pack } from "../image-builder.js";

type Advertised = NonNullable<Proposal["feature"]>["advertised"];

const proposalOf = (advertised: Advertised, fallback: Proposal["fallback"] = "shim"): Proposal =>
  defineProposal({
    name: "p",
    title: "t",
    question: "q",
    feature: { name: "exclusive_l4", bit: 21, advertised, required: false },
    linux: { top: "per-thread", sync: "fault" },
    xen: { root: "shared", exclusive: true },
    fallback,
  });

const find = (rows: readonly Row[], wanted: Partial<Row>): Row => {
  const found = rows.filter((row) =>
    Object.entries(wanted).every(([key, value]) => row[key as keyof Row] === value),
  );
  expect(found, JSON.stringify(wanted)).to.have.length(1);
  return found[0]!;
};

/** The rows of an image with these notes of features. */
const rowsOf = async (
  spec: ElfSpec,
  proposal = proposalOf("supported-features"),
  compression: keyof typeof pack = "gzip",
) =>
  compatMatrix(proposal, [
    guestOf("k", await decodeImage(bzImage(pack[compression](elf(spec))), "k"), proposal.feature),
  ]);

const withNotes = (...notes: NoteSpec[]): ElfSpec => ({
  segment: [...linuxNotes.filter(({ type }) => !notes.some((note) => note.type === type)), ...notes],
});

describe("compatMatrix", () => {
  const rows = compatMatrix(proposalOf("supported-features"));
  const boots = rows.filter(({ kind }) => kind === "boot");
  const moves = rows.filter(({ kind }) => kind === "migration");

  it("has each combination of guest, Xen, flag, protection and role once", () => {
    const keys = boots.map(({ guest, xen, flag, available, role }) =>
      [guest, xen, flag, available, role].join(),
    );
    const product = ["old", "new"].flatMap((guest) =>
      ["4.1", "4.17", "master", "proposed"].flatMap((xen) =>
        ["supported", "required"].flatMap((flag) =>
          ["none", "xpti", "asi", "shim"].flatMap((available) =>
            ["domU", "dom0"].map((role) => [guest, xen, flag, available, role].join()),
          ),
        ),
      ),
    );
    expect(keys).to.have.length(2 * 4 * 2 * 4 * 2);
    expect([...keys].sort()).to.deep.equal(product.sort());
  });

  it("has each migration of a guest that knows the flag once", () => {
    const keys = moves.map(({ guest, xen, flag, available }) => [guest, xen, flag, available].join());
    expect(keys).to.have.length(3 * 2 * 2 * 4);
    expect(new Set(keys).size).to.equal(keys.length);
    for (const { saved, breaks } of moves) expect([saved, breaks]).to.not.include(undefined);
  });

  it("cites the function and file of each check, and gives each outcome a reason", () => {
    for (const proposal of ["supported-features", "features-string", "vm-assist"] as const) {
      for (const { checks, reason, outcome } of compatMatrix(proposalOf(proposal))) {
        expect(checks).to.not.be.empty;
        for (const check of checks) {
          expect(check.function).to.match(/^\w+\(\)$/);
          expect(check.file).to.match(/^(xen|tools)\/[\w/-]+\.c$/);
          expect(reason).to.include(check.function);
        }
        expect(outcome).to.match(/^(boots|runs) |^refused by (libelf|toolstack|dom0 builder|Xen|guest): /);
      }
    }
  });

  for (const [wanted, outcome] of [
    [{ guest: "new", xen: "proposed", flag: "supported", available: "none", role: "domU" }, "boots audited"],
    [{ guest: "new", xen: "proposed", flag: "supported", available: "none", role: "dom0" }, "boots audited"],
    [{ guest: "new", xen: "proposed", flag: "required", available: "xpti", role: "domU" }, "boots audited"],
    [{ guest: "new", xen: "master", flag: "supported", available: "xpti", role: "domU" }, "boots with XPTI"],
    [{ guest: "new", xen: "4.17", flag: "supported", available: "shim", role: "domU" }, "boots in shim"],
    [{ guest: "new", xen: "4.17", flag: "supported", available: "asi", role: "domU" }, "boots unprotected"],
    [{ guest: "new", xen: "4.1", flag: "supported", available: "xpti", role: "dom0" }, "boots unprotected"],
    [
      { guest: "new", xen: "4.17", flag: "required", available: "none", role: "domU" },
      "refused by libelf: -EINVAL of elf_xen_parse()",
    ],
    [
      { guest: "new", xen: "4.17", flag: "required", available: "none", role: "dom0" },
      "refused by libelf: panic: Could not construct domain 0",
    ],
    [
      { guest: "new", xen: "master", flag: "required", available: "shim", role: "domU" },
      "refused by libelf: panic of the shim: Could not construct d0",
    ],
    [{ guest: "old", xen: "proposed", flag: "required", available: "shim", role: "domU" }, "boots in shim"],
    [
      { guest: "old", xen: "proposed", flag: "supported", available: "shim", role: "dom0" },
      "boots unprotected",
    ],
    [{ guest: "old", xen: "proposed", flag: "supported", available: "asi", role: "dom0" }, "boots with ASI"],
  ] as const) {
    it(`${outcome}: ${Object.values(wanted).join(", ")}`, () => {
      expect(find(boots, wanted).outcome).to.equal(outcome);
    });
  }

  it("refuses an old guest by the audit, where the proposal's fallback is audit-refuse", () => {
    const audited = compatMatrix(proposalOf("supported-features", "audit-refuse"));
    const wanted = {
      kind: "boot",
      guest: "old",
      flag: "supported",
      available: "xpti",
      role: "domU",
    } as const;
    expect(find(audited, { ...wanted, xen: "proposed" }).outcome).to.equal(
      "refused by Xen: -EBUSY from MMUEXT_NEW_BASEPTR",
    );
    expect(find(audited, { ...wanted, xen: "master" }).outcome).to.equal("boots with XPTI");
  });

  it("gives a proposal without a flag the outcomes of its root", () => {
    const { feature: _, ...plain } = proposalOf("supported-features", "none");
    const none = compatMatrix({ ...plain, xen: { ...plain.xen, exclusive: false, root: "vcpu-root" } });
    expect(none.filter(({ xen }) => xen === "proposed").map(({ outcome }) => outcome)).to.deep.equal(
      Array.from({ length: 32 }, () => "boots with a root per vCPU"),
    );
  });
});

describe("an image in compatMatrix", () => {
  const name = (text: string): ElfSpec => withNotes({ type: 10, desc: `${text}\0` });
  const plain = { xen: "4.17", available: "none", role: "domU", kind: "boot" } as const;

  it("with an unknown plain name is ignored", async () => {
    const row = find(await rowsOf(name("shoes|pae_pgdir_above_4gb")), plain);
    expect(row.outcome).to.equal("boots unprotected");
    expect(row.reason).to.include("elf_xen_parse_features() skips shoes, a plain name that it does not know");
  });

  it("with an unknown plain name is refused by Xen before 4.2", async () => {
    const row = find(await rowsOf(name("shoes")), { ...plain, xen: "4.1" });
    expect(row.outcome).to.equal("refused by libelf: -EINVAL of elf_xen_parse()");
    expect(row.reason).to.include("does not know shoes, as Xen before 4.2 does with any unknown name");
  });

  it("with an unknown !name is refused", async () => {
    for (const xen of ["4.1", "4.17", "master", "proposed"] as const) {
      const row = find(await rowsOf(name("!shoes")), { ...plain, xen });
      expect(row.outcome).to.equal("refused by libelf: -EINVAL of elf_xen_parse()");
      expect(row.reason).to.match(/elf_xen_parse_features\(\) does not know !shoes, and returns -1$/);
    }
  });

  it("has SUPPORTED_FEATURES, which is invisible to Xen before 4.2", async () => {
    const rows = await rowsOf(withNotes({ type: 17, desc: le32(0x1) }));
    const dom0 = { ...plain, role: "dom0" } as const;
    expect(find(rows, { ...dom0, xen: "4.1" }).outcome).to.equal("boots unprotected");
    expect(find(rows, { ...dom0, xen: "4.1" }).reason).to.include(
      "does not know note 17, SUPPORTED_FEATURES",
    );
    expect(find(rows, { ...dom0, xen: "4.17" }).outcome).to.equal(
      "refused by dom0 builder: Kernel does not support Dom0 operation",
    );
  });

  it("packed with zstd is no kernel to Xen 4.1", async () => {
    const rows = await rowsOf({ segment: linuxNotes }, undefined, "zstd");
    expect(find(rows, { ...plain, xen: "4.1" }).outcome).to.equal(
      "refused by toolstack: unknown compression format",
    );
    expect(find(rows, plain).outcome).to.equal("boots unprotected");
  });

  for (const [what, spec, role, outcome] of [
    [
      "that requires dom0",
      name("!dom0"),
      "domU",
      "refused by toolstack: Kernel does not support unprivileged (DomU) operation",
    ],
    ["that requires dom0", name("!dom0"), "dom0", "boots unprotected"],
    [
      "that runs in ring 0",
      name("!supervisor_mode_kernel"),
      "dom0",
      "refused by dom0 builder: Dom0 requires supervisor-mode execution",
    ],
    ["without Xen notes", {}, "domU", "refused by libelf: Not a Xen-ELF image"],
    [
      "of another loader",
      withNotes({ type: 6, desc: "own\0" }, { type: 8, desc: "own\0" }),
      "domU",
      "refused by libelf: Will only load images built for the generic loader or Linux images",
    ],
    [
      "for Xen 2",
      withNotes({ type: 5, desc: "xen-2.0\0" }),
      "domU",
      "refused by libelf: Xen will only load images built for Xen v3.0",
    ],
    [
      "with __xen_guest, whose errors are dropped",
      { guest: "GUEST_OS=linux,XEN_VER=xen-3.0,FEATURES=!shoes" },
      "domU",
      "boots unprotected",
    ],
  ] as const) {
    it(`${what}, as ${role}: ${outcome}`, async () => {
      expect(find(await rowsOf(spec), { ...plain, role }).outcome).to.equal(outcome);
    });
  }

  it("has the flag that its notes say", async () => {
    for (const [spec, flag, outcome] of [
      [withNotes({ type: 17, desc: le32(0x208801) }), "supported", "boots audited"],
      [{ segment: linuxNotes }, "none", "boots unprotected"],
    ] as const) {
      const row = find(await rowsOf(spec), { ...plain, xen: "proposed" });
      expect([row.flag, row.outcome]).to.deep.equal([flag, outcome]);
    }
  });
});

describe("a migration", () => {
  const wanted = { kind: "migration", flag: "required", available: "xpti" } as const;

  it("loses a flag of the notes without a word, even a required one", () => {
    const rows = compatMatrix(proposalOf("supported-features"));
    const away = find(rows, { ...wanted, guest: "new, away", xen: "proposed -> 4.17" });
    expect(away.outcome).to.equal("runs with XPTI");
    expect(away.breaks).to.include("exclusive_l4 is missing, which it required");
    const back = find(rows, { ...wanted, guest: "new, back", xen: "4.17 -> proposed" });
    expect(back.outcome).to.equal("runs with XPTI");
    expect(back.saved).to.include("a record of the stream");
  });

  it("with a flag of vm_assist is refused where Xen does not know the type", () => {
    const rows = compatMatrix(proposalOf("vm-assist"));
    const away = find(rows, { ...wanted, guest: "new, away", xen: "proposed -> master" });
    expect(away.outcome).to.equal("refused by toolstack: Failed to set vcpu0's basic info");
    expect(away.reason).to.match(/arch_set_info_guest\(\) finds a type [^;]* and returns -EINVAL$/);
    const back = find(rows, { ...wanted, guest: "new, back", xen: "master -> proposed" });
    expect(back.outcome).to.equal("runs audited");
  });

  it("does not begin where the guest was refused", () => {
    const first = { ...wanted, guest: "new, first", xen: "4.17 -> proposed" };
    for (const [advertised, by] of [
      ["features-string", "libelf"],
      ["vm-assist", "guest"],
    ] as const) {
      expect(find(compatMatrix(proposalOf(advertised)), first).outcome).to.match(
        new RegExp(`^refused by ${by}: `),
      );
    }
  });
});
