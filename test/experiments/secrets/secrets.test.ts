import { expect } from "chai";
import { defineProposal, type ProposalIdea } from "../../../abi/proposal.js";
import { loadProposal } from "../../../experiments/evaluate.js";
import { DEFAULT_HOST, hostOf } from "../../../experiments/secrets/host-spec.js";
import { rootsOf } from "../../../experiments/secrets/root-shape.js";
import { differences, secretsOf, type SecretsOptions } from "../../../experiments/secrets/secrets.js";
import { area_of, DIRECTMAP_VIRT_START } from "../../../xen-model/layout/areas.js";
import { explain } from "../../../xen-model/layout/explain.js";
import { aliases } from "../../../xen-model/layout/ret2dir.js";

const OPTIONS: SecretsOptions = {
  host: DEFAULT_HOST,
  speculation: { meltdown: false, l1tf: false },
  eptPublic: false,
};

const SHAPES = {
  shared: ["guest", "guest", false],
  xpti: ["pcpu", "guest", false],
  "xpti-copy-always": ["pcpu", "guest", false],
  "xen-vcpu-root": ["vcpu", "vcpu", true],
  "linux-per-vcpu": ["guest", "guest", true],
} as const;

const without = (layout: ProposalIdea["xen"]["layout"], root = "vcpu-root") =>
  defineProposal({
    name: "idea",
    title: "t",
    question: "q",
    linux: { top: "shared-pgd" },
    xen: { root, layout },
  });

describe("the roots of a proposal", () => {
  for (const [name, [inGuest, inXen, uniqueL4s]] of Object.entries(SHAPES)) {
    it(`are seen on a machine that runs it: ${name} has ${inGuest} in the guest and ${inXen} in Xen`, () => {
      expect(rootsOf(loadProposal(name))).to.deep.equal({ root: { inGuest, inXen }, uniqueL4s });
    });
  }
});

describe("the secrets of a proposal", () => {
  it("in Xen are the memory of all other domains, whatever keeps L4s apart", () => {
    const names = ["shared", "xpti", "xen-vcpu-root", "linux-per-vcpu"];
    const inXen = names.map((name) => {
      const { worst } = secretsOf(loadProposal(name), OPTIONS);
      return worst.find(({ type, mode }) => type === "pv64" && mode === "xen")!.classes.other_domains;
    });
    expect(new Set(inXen).size).to.equal(1);
    expect(inXen[0]).to.be.greaterThan(49 * 2 ** 30);
  });

  it("do not change by L4s that no two pCPUs share", () => {
    const [a, b] = ["shared", "linux-per-vcpu"].map((name) => secretsOf(loadProposal(name), OPTIONS));
    expect(differences(a!, b!)).to.deep.equal([]);
  });

  it("no longer have another domain's memory without a directmap", () => {
    const { worst } = secretsOf(without({ directmap: false }), OPTIONS);
    for (const { classes } of worst) expect(classes.other_domains).to.equal(0);
  });

  it("have EPT pages only where these are a secret", () => {
    const counted = secretsOf(loadProposal("shared"), OPTIONS).worst;
    const open = secretsOf(loadProposal("shared"), { ...OPTIONS, eptPublic: true }).worst;
    const total = (rows: typeof counted) => rows.find(({ mode }) => mode === "idle")!;
    expect(total(counted).secretBytes - total(open).secretBytes).to.equal(total(open).classes.ept);
  });

  it("under XPTI show the M2P to guest-user mode, which its user L4 alone would not: slot 256 of root_pgt is fixed", () => {
    const [shared, xpti] = ["shared", "xpti"].map((name) => secretsOf(loadProposal(name), OPTIONS));
    const inUser = ({ worst }: NonNullable<typeof shared>): number => worst[0]!.classes.m2p;
    expect([inUser(shared!), inUser(xpti!) > 0]).to.deep.equal([0, true]);
  });
});

describe("ret2dir", () => {
  it("finds a guest's bytes at the directmap, and through the linear map and GDTs", () => {
    const found = aliases(hostOf(loadProposal("shared"), DEFAULT_HOST), 0);
    expect(found.map(({ area }) => area)).to.deep.equal(["LINEAR_PT", "GDT_LDT", "DIRECTMAP"]);
    for (const { page, area, executable } of found) {
      expect(area_of(page)!.name).to.equal(area);
      expect(executable).to.equal(false);
    }
  });

  it("without a directmap finds them at the few pages of the mapcache instead", () => {
    const found = aliases(hostOf(without({ directmap: false, linearMap: false }), DEFAULT_HOST), 0);
    expect(found.map(({ area, bytes }) => [area, bytes])).to.deep.equal([
      ["GDT_LDT", 2 * 4096],
      ["MAPCACHE", 16 * 4096],
    ]);
  });
});

describe("an address explained", () => {
  const page = (DIRECTMAP_VIRT_START + 0x1000) as typeof DIRECTMAP_VIRT_START;

  it("of the directmap is mapped in Xen, and not in a guest's root_pgt", () => {
    const host = hostOf(loadProposal("xpti"), DEFAULT_HOST);
    expect(explain(host, 0, "xen", page).mapped!.mfn).to.equal(0x1000);
    expect(explain(host, 0, "guest-kernel", page).mapped).to.equal(undefined);
    expect(explain(host, 0, "guest-kernel", page).area!.name).to.equal("DIRECTMAP");
  });
});
