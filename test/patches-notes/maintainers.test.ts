import { expect } from "chai";
import { parseMaintainers, recipientsOf, type MaintainersFiles } from "../../patches-notes/maintainers.js";

const TEXT = `Maintainers List
----------------

X86 XEN
M:	Ann Author <ann@example.org>
R:	Rob Reader <rob@example.org>
L:	xen@example.org (moderated for non-subscribers)
L:	inner@example.org (subscribers-only)
S:	Supported
F:	arch/x86/xen/
X:	arch/x86/xen/other.c

X86 ARCHITECTURE
M:	Old Ann <ann@example.org>
M:	"Dot T. Name" <dot@example.org>
S:	Maintained
F:	arch/x86/

SOC
R:	Soc Team <soc@example.org>
L:	soc@example.org
L:	Soc Maintainers <other@example.org>
F:	drivers/soc/

LANDLOCKED
M:	Key Word <key@example.org>
S:	Maintained
K:	\\blandlock\\b

THE REST
M:	Linus Torvalds <torvalds@linux-foundation.org>
M:	Rest Lee <lee@example.org>
L:	all@example.org
S:	Buried alive in reporters
F:	*
F:	*/
`;

const FILES: MaintainersFiles = {
  project: "linux",
  text: TEXT,
  mailmap: "New Name <new@example.org> <dot@example.org>\n",
  isFolder: () => false,
  reviewersAreExtra: false,
};

const patch = (path: string, line = "x") =>
  `Subject: s\n\nBody\n---\ndiff --git a/${path} b/${path}\n--- a/${path}\n+++ b/${path}\n@@ -1,1 +1,2 @@\n a\n+${line}\n`;

const emails = (text: string, files: Partial<MaintainersFiles> = {}) =>
  recipientsOf(text, { ...FILES, ...files }).map(({ email }) => email);

describe("the recipients of a patch", () => {
  it("are people and lists of all sections that its files fall under, each once, Linus never", () => {
    expect(emails(patch("arch/x86/xen/mmu.c"))).to.deep.equal([
      "Ann Author <ann@example.org>",
      "Rob Reader <rob@example.org>",
      "New Name <new@example.org>",
      "Rest Lee <lee@example.org>",
      "xen@example.org",
      "all@example.org",
    ]);
  });

  it("are told their role", () => {
    const [ann, rob, , , list] = recipientsOf(patch("arch/x86/xen/mmu.c"), FILES);
    expect(ann!.role).to.equal("supporter:X86 XEN");
    expect(rob!.role).to.equal("reviewer:X86 XEN");
    expect(list!.role).to.equal("moderated list:X86 XEN");
  });

  it("have a team that is a list too once, and no list that is no address", () => {
    expect(emails(patch("drivers/soc/a.c"))).to.deep.equal([
      "Soc Team <soc@example.org>",
      "Rest Lee <lee@example.org>",
      "all@example.org",
    ]);
  });

  it("leave out a section that excludes the file", () => {
    expect(emails(patch("arch/x86/xen/other.c"))[0]).to.equal("Old Ann <ann@example.org>");
  });

  it("include a section whose keyword stands in a changed line, or before the diff", () => {
    expect(emails(patch("mm/a.c", "landlock();"))).to.include("Key Word <key@example.org>");
    expect(emails(patch("mm/a.c", "landlocked();"))).to.not.include("Key Word <key@example.org>");
  });

  it("of Xen are THE REST only where nobody else is", () => {
    const xen = { project: "xen" as const };
    expect(emails(patch("arch/x86/xen/mmu.c"), xen)).to.not.include("Rest Lee <lee@example.org>");
    expect(emails(patch("mm/a.c"), xen)).to.include("Rest Lee <lee@example.org>");
  });
});

describe("a MAINTAINERS file", () => {
  it("has a section for each heading that entries follow", () => {
    const sections = parseMaintainers(TEXT);
    expect(sections.map(({ name }) => name)).to.deep.equal([
      "X86 XEN",
      "X86 ARCHITECTURE",
      "SOC",
      "LANDLOCKED",
      "THE REST",
    ]);
    expect(sections[0]!.entries.map(({ letter }) => letter).join("")).to.equal("MRLLSFX");
  });
});
