/**
 * Who gets a patch: the sections of MAINTAINERS that its files and its text fall under.
 *
 * Mirrors: scripts/get_maintainer.pl --nogit --nogit-fallback, of Linux and of Xen.
 * Differs: no sections of git; the addresses in the text of a *.yaml, a device-tree binding, are not added; where two sections
 *          are equally near, the one that comes first in the file counts first.
 */
import type { Project } from "./source-tree.js";

export interface Section {
  readonly name: string;
  /** Values by letter, in order: M, R, L, S, F, X, N, K... */
  readonly entries: readonly { readonly letter: string; readonly value: string }[];
}

export interface Recipient {
  /** `Name <address>`, or an address alone. */
  readonly email: string;
  /** `maintainer:XEN HYPERVISOR X86`, `open list`... */
  readonly role: string;
}

/** Files of a tree that decide who is told. */
export interface MaintainersFiles {
  readonly project: Project;
  /** MAINTAINERS. */
  readonly text: string;
  /** .mailmap; empty if there is none. */
  readonly mailmap: string;
  /** Is this path a folder? A pattern that names one matches all below it. */
  readonly isFolder: (path: string) => boolean;
  /** Xen since 4.18: a reviewer alone does not stand for THE REST. */
  readonly reviewersAreExtra: boolean;
}

/** The sections of a MAINTAINERS file, in order. */
export function parseMaintainers(text: string): Section[] {
  const sections: { name: string; entries: { letter: string; value: string }[] }[] = [];
  let name = "";
  let open = false;
  for (const line of text.split("\n")) {
    const found = /^([A-Z]):\s*(.*)$/.exec(line);
    if (found !== null) {
      if (!open) sections.push({ name, entries: [] });
      open = true;
      sections.at(-1)!.entries.push({ letter: found[1]!, value: found[2]! });
    } else if (!/^\s*(?:#|$)/.test(line)) {
      name = line;
      open = false;
    }
  }
  return sections;
}

/** Everybody whom the tree's script names for the mail `patch`, people before lists. */
export function recipientsOf(patch: string, files: MaintainersFiles): Recipient[] {
  const sections = parseMaintainers(files.text);
  const { paths, keywords } = lookInto(patch, sections);
  const people = new People(files.project === "linux");
  let restOnly = false;
  for (const path of paths) {
    const near = sections
      .map((section) => ({ section, depth: depthOf(section, path, files) }))
      .filter(({ depth }) => depth !== undefined)
      .sort((a, b) => b.depth! - a.depth!);
    for (const { section } of near) people.add(section);
    if (near.every(({ section }) => section.name === "THE REST")) restOnly = true;
  }
  const byKeyword = () => keywords.forEach((section) => people.add(section));
  if (files.project === "linux" || !files.reviewersAreExtra) byKeyword();
  if (files.project === "xen" && !restOnly) people.dropTheRest(files.reviewersAreExtra);
  if (files.project === "xen" && files.reviewersAreExtra) byKeyword();
  return people.all(parseMailmap(files.mailmap));
}

/** Paths that a patch names, as the script collects them, and sections whose keyword stands in it. */
function lookInto(patch: string, sections: readonly Section[]): { paths: string[]; keywords: Section[] } {
  const patterns = sections.flatMap((section) =>
    section.entries
      .filter(({ letter }) => letter === "K")
      .map(({ value }) => ({ section, anywhere: perlRegExp(value), inDiff: perlRegExp(`^[+-].*${value}`) })),
  );
  const paths = new Set<string>();
  const keywords = new Set<Section>();
  let inDiff = false;
  for (const line of patch.split("\n")) {
    const git = /^diff --git a\/(\S+) b\/(\S+)\s*$/.exec(line);
    const head = /^(?:\+\+\+|---)\s+(\S+)/.exec(line);
    if (git !== null) paths.add(git[1]!).add(git[2]!);
    else if (head !== null) {
      paths.add(head[1]!.replace(/^[^/]*\//, ""));
      inDiff = true;
    } else if (!/^@@ -\d+,\d+/.test(line) && !/^Fixes:\s+[0-9a-fA-F]{6,40}/.test(line)) {
      for (const { section, anywhere, inDiff: changed } of patterns) {
        if ((inDiff ? changed : anywhere).test(line)) keywords.add(section);
      }
    }
  }
  return { paths: [...paths].sort(), keywords: [...keywords] };
}

/** A pattern of Perl with /x: white space does not count, and (?i) may stand in it. */
function perlRegExp(pattern: string): RegExp {
  const tight = pattern.replace(/\s+/g, "");
  const ignoresCase = tight.includes("(?i)");
  const source = tight
    .replace(/\(\?i\)/g, "")
    .replace(/\(\?i:([^)]*)\)/g, (_, part: string) => `(?:${part.replace(/[a-z]/gi, eitherCase)})`);
  return new RegExp(source, ignoresCase ? "i" : "");
}

const eitherCase = (letter: string): string => `[${letter.toLowerCase()}${letter.toUpperCase()}]`;

/** How near `section` is to `path`: depth of its deepest pattern that fits; undefined where none does. */
function depthOf({ entries }: Section, path: string, { isFolder }: MaintainersFiles): number | undefined {
  const patterns = (letter: string) =>
    entries.filter((entry) => entry.letter === letter).map(({ value }) => value);
  if (patterns("X").some((value) => fits(path, filePattern(value, isFolder)))) return undefined;
  let depth: number | undefined;
  for (const { letter, value } of entries) {
    if (letter === "F") {
      const pattern = filePattern(value, isFolder);
      if (fits(path, pattern)) depth = patternDepth(pattern);
    } else if (letter === "N" && perlRegExp(value).test(path)) depth = 0;
  }
  return depth;
}

/** A shell pattern as the script makes a regular expression of it; one that names a folder ends in a slash. */
function filePattern(value: string, isFolder: (path: string) => boolean): string {
  const pattern = value
    .replace(/\{([^{}]*)\}/g, (_, names: string) => `(${names.split(",").join("|")})`)
    .replace(/\./g, "\\.")
    .replace(/\*/g, ".*")
    .replace(/\?/g, ".");
  return !pattern.endsWith("/") && isFolder(pattern) ? `${pattern}/` : pattern;
}

const slashes = (text: string): number => text.split("/").length - 1;

function fits(path: string, pattern: string): boolean {
  if (!new RegExp(`^${pattern.replace(/\+/g, "\\+")}`).test(path)) return false;
  return pattern.endsWith("/") || slashes(pattern) === slashes(path);
}

function patternDepth(pattern: string): number {
  if (pattern.startsWith(".*")) return -1;
  return slashes(pattern) + (pattern.endsWith("/") ? 0 : 1);
}

const ROLES: Record<string, string> = {
  supported: "supporter",
  maintained: "maintainer",
  "odd fixes": "odd fixer",
  orphan: "orphan minder",
  obsolete: "obsolete minder",
};

/** Linus is told of nothing, unless asked for. */
const PENGUIN_CHIEF = "torvalds@linux-foundation.org";

class People {
  private readonly people: (Recipient & { readonly kind: "M" | "R"; readonly section: string })[] = [];
  private readonly lists = new Map<string, Recipient>();
  private readonly known = new Set<string>();

  constructor(private readonly mergesDuplicates: boolean) {}

  add({ name, entries }: Section): void {
    const short = name.length > 50 ? `${name.slice(0, 47).trimEnd()}...` : name;
    const status = entries.findLast(({ letter }) => letter === "S")?.value.toLowerCase() ?? "unknown";
    for (const { letter, value } of entries) {
      if (letter === "L") this.addList(value, short === "THE REST" ? "" : `:${short}`);
      if (letter === "M") this.addPerson(value, `${ROLES[status] ?? status}:${short}`, "M", name);
      if (letter === "R") this.addPerson(value, `reviewer:${short}`, "R", name);
    }
  }

  private addList(value: string, section: string): void {
    const [, address, more] = /^(\S+)\s*(.*)$/.exec(value)!;
    if (/subscribers-only/.test(more!) || this.lists.has(address!.toLowerCase())) return;
    const kind = /moderated/.test(more!) ? "moderated list" : "open list";
    this.lists.set(address!.toLowerCase(), { email: address!, role: `${kind}${section}` });
  }

  private addPerson(value: string, role: string, kind: "M" | "R", section: string): void {
    const [name, address] = nameAndAddress(value);
    if (address === "" || address === PENGUIN_CHIEF) return;
    const keys = [...(name === "" ? [] : [`name ${name.toLowerCase()}`]), `at ${address.toLowerCase()}`];
    if (this.mergesDuplicates && keys.some((key) => this.known.has(key))) return;
    for (const key of keys) this.known.add(key);
    this.people.push({ email: formatted(name, address), role, kind, section });
  }

  /** Xen: those of THE REST are told only where nobody else is. */
  dropTheRest(reviewersAreExtra: boolean): void {
    const others = this.people.filter(({ section }) => section !== "THE REST");
    if (this.people.length < 2 || !others.some(({ kind }) => kind === "M" || !reviewersAreExtra)) return;
    const kept = this.people.filter(({ section, kind }) => section !== "THE REST" || kind !== "M");
    this.people.splice(0, this.people.length, ...kept);
  }

  all(mailmap: ReadonlyMap<string, readonly [string, string]>): Recipient[] {
    const seen = new Set<string>([""]);
    const first = new Map<string, string>(); // by name and by address
    const once = (email: string): string => (this.mergesDuplicates ? firstOf(first, email) : email);
    return [...this.people, ...this.lists.values()]
      .map(({ email, role }) => ({ email: once(mapped(email, mailmap)), role }))
      .filter(({ email }) => !seen.has(email) && seen.add(email));
  }
}

/** Who had this name, or else this address, first: one person, or a team that is a list elsewhere. Mirrors: deduplicate_email(). */
function firstOf(first: Map<string, string>, email: string): string {
  const [name, address] = nameAndAddress(email);
  if (address === "") return ""; // a list that is no address
  const keys = [...(name === "" ? [] : [`name ${name.toLowerCase()}`]), `at ${address.toLowerCase()}`];
  const known = keys.find((key) => first.has(key));
  if (known !== undefined) return first.get(known)!;
  for (const key of keys) first.set(key, email);
  return email;
}

function nameAndAddress(text: string): [name: string, address: string] {
  const both = /^([^<]+)<(.+@.*)>.*$/.exec(text);
  if (both !== null) return [unquoted(both[1]!), both[2]!.trim()];
  const alone = /^\s*<(.+@\S*)>.*$/.exec(text) ?? /^(.+@\S*).*$/.exec(text);
  return ["", alone?.[1]?.trim() ?? ""];
}

const unquoted = (name: string): string => name.trim().replace(/^"|"$/g, "");

/** `Name <address>`; a name with other signs than letters, digits, spaces and dashes is quoted. */
function formatted(name: string, address: string): string {
  if (name === "") return address;
  const bytes = Buffer.from(name, "utf8").toString("latin1");
  return /[^\w -]/.test(bytes) ? `"${name.replace(/"/g, '\\"')}" <${address}>` : `${name} <${address}>`;
}

/** Wrong `Name <address>` or address -> right name and address; "" where a line does not say. */
function parseMailmap(text: string): Map<string, readonly [string, string]> {
  const map = new Map<string, readonly [string, string]>();
  for (const line of text.split("\n")) {
    const found = /^([^<]*)<([^>]+)>\s*(?:([^<]*)<([^>]+)>)?$/.exec(line.replace(/#.*$/, "").trim());
    if (found === null) continue;
    const [, name = "", address = "", wrongName = "", wrong] = found;
    if (wrong === undefined) map.set(address, [name.trim(), ""]);
    else
      map.set(wrongName.trim() === "" ? wrong : formatted(wrongName.trim(), wrong), [name.trim(), address]);
  }
  return map;
}

function mapped(email: string, mailmap: ReadonlyMap<string, readonly [string, string]>): string {
  const [name, address] = nameAndAddress(email);
  const right = mailmap.get(email) ?? mailmap.get(address);
  if (right === undefined) return email;
  return formatted(right[0] || name, right[1] || address);
}
