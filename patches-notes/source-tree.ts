/**
 * A tree of Linux or Xen on disk: what it is, which version, its files; and what a series makes of them.
 *
 * Errors: BadInput throughout, naming the file.
 */
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { BadInput } from "../abi/bad-input.js";

export type Project = "linux" | "xen";

export class SourceTree {
  /** As in the Makefile: 6.1.192, 4.17.7. */
  readonly version: string;
  /** The commit that is checked out, of a clone; undefined for a tree without git. */
  readonly commit: string | undefined;
  /** Files as patches have left them; undefined: there is none. */
  private readonly files = new Map<string, string | undefined>();

  constructor(
    readonly project: Project,
    readonly dir: string,
  ) {
    if (!existsSync(dir) || !statSync(dir).isDirectory()) {
      throw new BadInput(dir, "", "is no folder", `name a ${NAMES[project]} source tree`);
    }
    this.version = project === "linux" ? this.linuxVersion() : this.xenVersion();
    this.commit = headOf(dir);
  }

  /** The text of `path`, or undefined if the tree has no such file. */
  read(path: string): string | undefined {
    if (!this.files.has(path)) this.files.set(path, this.readFromDisk(path));
    return this.files.get(path);
  }

  /** From now on, `path` has `text`. Nothing is written to disk. */
  write(path: string, text: string): void {
    this.files.set(path, text);
  }

  private readFromDisk(path: string): string | undefined {
    const file = join(this.dir, path);
    if (!existsSync(file)) return undefined;
    if (!statSync(file).isFile()) throw new BadInput(file, "", "is no file", "get a whole tree");
    const bytes = readFileSync(file);
    const text = bytes.toString("utf8");
    if (!Buffer.from(text, "utf8").equals(bytes)) {
      throw new BadInput(file, "", "is not UTF-8", "get the file as upstream has it");
    }
    const cr = text.indexOf("\r");
    if (cr >= 0) {
      const line = text.slice(0, cr).split("\n").length;
      throw new BadInput(
        file,
        `line ${line}`,
        "ends in CR LF",
        "check the tree out with core.autocrlf=false",
      );
    }
    return text;
  }

  private linuxVersion(): string {
    const text = this.makefile("Makefile");
    const value = (name: string): string => new RegExp(`^${name} *= *(\\S*)`, "m").exec(text)?.[1] ?? "";
    if (value("VERSION") === "" || value("PATCHLEVEL") === "") this.noTree("Makefile");
    const [version, patch, sub] = ["VERSION", "PATCHLEVEL", "SUBLEVEL"].map(value);
    return `${version}.${patch}${sub === "" || sub === "0" ? "" : `.${sub}`}${value("EXTRAVERSION")}`;
  }

  private xenVersion(): string {
    const text = this.makefile("xen/Makefile");
    const value = (name: string): string =>
      new RegExp(`^(?:export )?${name} *[:?]?= *(\\S*)`, "m").exec(text)?.[1] ?? "";
    if (value("XEN_VERSION") === "" || value("XEN_SUBVERSION") === "") this.noTree("xen/Makefile");
    const extra = value("XEN_EXTRAVERSION").replace(/\$.*$/, "");
    return `${value("XEN_VERSION")}.${value("XEN_SUBVERSION")}${extra}`;
  }

  private makefile(path: string): string {
    return this.read(path) ?? this.noTree(path);
  }

  private noTree(path: string): never {
    const name = NAMES[this.project];
    throw new BadInput(join(this.dir, path), "", `says no version of ${name}`, `name a ${name} source tree`);
  }
}

const NAMES: Record<Project, string> = { linux: "Linux", xen: "Xen" };

/** The commit of a clone's HEAD, without running git. */
function headOf(dir: string): string | undefined {
  const git = join(dir, ".git");
  if (!existsSync(git) || !statSync(git).isDirectory()) return undefined;
  const read = (name: string): string =>
    existsSync(join(git, name)) ? readFileSync(join(git, name), "utf8") : "";
  const head = read("HEAD").trim();
  const branch = /^ref: (.+)$/.exec(head)?.[1];
  if (branch === undefined) return /^[0-9a-f]{40}$/.exec(head)?.[0];
  const packed = read("packed-refs")
    .split("\n")
    .find((line) => line.endsWith(` ${branch}`));
  return /^[0-9a-f]{40}/.exec(read(branch).trim() || (packed ?? ""))?.[0];
}

/** The numbers of a version, for comparison: 6.1.192 -> [6, 1, 192]. */
export function versionNumbers(version: string): number[] {
  return /^[\d.]+/.exec(version)?.[0].split(".").filter(Boolean).map(Number) ?? [];
}

/** Is version `a` older than `b`? Only as many numbers count as `b` has. */
export function isOlder(a: string, b: string): boolean {
  const [x, y] = [versionNumbers(a), versionNumbers(b)];
  for (let i = 0; i < y.length; i++) {
    if ((x[i] ?? 0) !== y[i]!) return (x[i] ?? 0) < y[i]!;
  }
  return false;
}
