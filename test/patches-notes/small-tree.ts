/**
 * Trees with no more in them than what the sketches' anchors need: functions by their names, with the statements that
 * anchors look for, in the order in which the sketches name them.
 *
 * They hold no code of Linux's or Xen's: bodies are what the patterns say, and nothing around it.
 */
import type { Sketch } from "../../patches-notes/sketch.js";
import type { Project } from "../../patches-notes/source-tree.js";
import { tokensOf, languageOf } from "../../patches-notes/source-tokens.js";

/** Files by path, on which each of `series` has its places. */
export function smallTree(
  project: Project,
  version: string,
  ...series: readonly (readonly Sketch[])[]
): Map<string, string> {
  const files = new Map<string, string>([["MAINTAINERS", MAINTAINERS]]);
  const [major, minor, sub = ""] = version.split(".");
  if (project === "linux") {
    files.set("Makefile", `VERSION = ${major}\nPATCHLEVEL = ${minor}\nSUBLEVEL = ${sub}\nEXTRAVERSION =\n`);
  } else {
    const extra = sub === "" ? "" : `.${sub}`;
    files.set(
      "xen/Makefile",
      `export XEN_VERSION = ${major}\nexport XEN_SUBVERSION = ${minor}\nexport XEN_EXTRAVERSION ?= ${extra}\n`,
    );
  }
  const places = new Map<string, Scopes>();
  for (const sketches of series) addPlaces(places, sketches);
  for (const [path, scopes] of places) files.set(path, fileWith(scopes));
  return files;
}

type Scopes = Map<string, Set<string>>;

/** For each path and scope ("" is the whole file), the patterns looked for that no earlier edit brings along. */
function addPlaces(places: Map<string, Scopes>, series: readonly Sketch[]): void {
  const brought = new Map<string, string>(); // by path, and by path and scope
  for (const { path, forms } of series.flatMap(({ edits }) => edits)) {
    const { anchor, lines } = forms[0]!;
    const { scope = "", pattern, where } = anchor ?? {};
    const isBeside = pattern === undefined && (where === "before" || where === "after");
    const inside = isBeside ? path : `${path} ${scope}`.trim();
    const known = (key: string): string => brought.get(key) ?? "";
    const [whole, here] = [known(path), known(`${path} ${scope}`.trim())];
    for (const key of new Set([path, inside])) {
      brought.set(key, `${known(key)} ${words(path, lines.join("\n"))} `);
    }
    if (anchor === undefined || (scope !== "" && whole.includes(` ${words(path, scope)} `))) continue;
    if (!places.has(path)) places.set(path, new Map());
    const scopes = places.get(path)!;
    if (!scopes.has(scope)) scopes.set(scope, new Set());
    if (pattern !== undefined && !here.includes(` ${words(path, pattern)} `)) scopes.get(scope)!.add(pattern);
  }
}

const words = (path: string, text: string): string =>
  tokensOf(text, languageOf(path))
    .map((token) => token.text)
    .join(" ");

function fileWith(scopes: Scopes): string {
  const blocks = [...scopes].map(([scope, patterns]) => {
    const lines = [...patterns].map((pattern) => pattern.replaceAll("@@", "x") + closing(pattern));
    if (scope === "") return lines.map((line) => `${line}\n`).join("\n");
    const inside = lines.map((line) => `\t${line}\n`).join("\n");
    if (/^(?:struct|enum) /.test(scope)) return `${scope} {\n${inside}};\n`;
    if (/^config /.test(scope)) return `${scope}\n${inside}`;
    return `static void ${scope}(void)\n{\n${inside}}\n`;
  });
  return blocks.join("\n");
}

/** The braces that `pattern` opens and does not close. */
function closing(pattern: string): string {
  const open = pattern.split("{").length - pattern.split("}").length;
  return "\n}".repeat(Math.max(0, open));
}

const MAINTAINERS = `List of maintainers

Descriptions of section entries

XEN HYPERVISOR X86
M:	Ann Author <ann@example.org>
R:	Rob Reader <rob@example.org>
L:	xen-list@example.org (moderated for non-subscribers)
S:	Supported
F:	arch/x86/xen/
F:	xen/arch/x86/

SCHEDULER
M:	Sue Scheduler <sue@example.org>
S:	Maintained
F:	kernel/sched/

THE REST
M:	Linus Torvalds <torvalds@linux-foundation.org>
L:	everything@example.org
S:	Buried alive in reporters
F:	*
F:	*/
`;
