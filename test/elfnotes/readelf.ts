/** The notes that readelf (binutils) lists, as the reference of which bytes they have. */
import { execFileSync, spawnSync } from "node:child_process";
import type { KernelImage } from "../../elfnotes/read-image.js";

export interface ReadelfNote {
  owner: string;
  size: number;
  /** As hexadecimal bytes; empty where readelf says more of a note than its bytes. */
  desc: string;
}

export function hasProgram(program: string): boolean {
  return spawnSync(program, ["--version"], { stdio: "ignore" }).error === undefined;
}

/** In readelf's order. */
export function readelf(vmlinux: string): ReadelfNote[] {
  const text = execFileSync("readelf", ["--notes", "--wide", vmlinux], {
    encoding: "utf8",
    env: { ...process.env, LC_ALL: "C" },
  });
  const notes: ReadelfNote[] = [];
  for (const line of text.split("\n")) {
    const head = /^ {2}(\S+) +0x([0-9a-f]{8})\t/.exec(line);
    if (head !== null) notes.push({ owner: head[1]!, size: parseInt(head[2]!, 16), desc: "" });
    const data = /description data: ([0-9a-f ]+)$/.exec(line);
    if (data !== null) notes.at(-1)!.desc = data[1]!.replaceAll(" ", "");
  }
  return notes;
}

/** Those of Xen's. */
export function readelfOfXen(vmlinux: string): ReadelfNote[] {
  return readelf(vmlinux).filter(({ owner }) => owner === "Xen");
}

/** Our notes in the same form. */
export function asReadelf(image: KernelImage): ReadelfNote[] {
  return image.notes.map(({ raw }) => ({
    owner: "Xen",
    size: raw!.desc.length,
    desc: Buffer.from(raw!.desc).toString("hex"),
  }));
}
