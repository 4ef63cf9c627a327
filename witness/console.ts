/**
 * What came out of the guest's serial line: lines of Xen, of Linux, and blocks of what the guest recorded.
 *
 * A block is gzip in base64 between "@@ begin NAME" and "@@ end NAME"; Xen may write lines in between, and these are no part
 * of it.
 */
import { gunzipSync } from "node:zlib";
import { BadInput } from "../abi/bad-input.js";

export interface Console {
  /** What is not in blocks: Linux's and the shell's lines. */
  readonly linux: string[];
  /** Lines that begin with "(XEN)", without that. */
  readonly xen: string[];
  readonly blocks: ReadonlyMap<string, string>;
}

/** Split what a serial line gave. Errors: BadInput, where a block is damaged or has no end. */
export function parseConsole(text: string, where: string): Console {
  const linux: string[] = [];
  const xen: string[] = [];
  const blocks = new Map<string, string>();
  let open: { name: string; lines: string[] } | undefined;
  for (const raw of text.split("\n")) {
    const line = raw.replace(/\r/g, "");
    const mark = /^@@ (begin|end) (\S+)$/.exec(line);
    if (line.startsWith("(XEN)")) xen.push(line.slice("(XEN)".length).trim());
    else if (mark?.[1] === "begin") open = { name: mark[2]!, lines: [] };
    else if (mark?.[1] === "end" && open?.name === mark[2]) {
      blocks.set(open!.name, decode(open!.lines, where, open!.name));
      open = undefined;
    } else if (open !== undefined) open.lines.push(line);
    else linux.push(line);
  }
  if (open !== undefined)
    throw new BadInput(
      where,
      `block ${open.name}`,
      "has no end",
      "the guest stopped in it; see its last lines",
    );
  return { linux, xen, blocks };
}

function decode(lines: readonly string[], where: string, name: string): string {
  try {
    return gunzipSync(Buffer.from(lines.join(""), "base64")).toString("utf8");
  } catch (error) {
    const { message } = error as Error;
    throw new BadInput(where, `block ${name}`, `is damaged (${message})`, "record it again");
  }
}

/** Lines in which Linux complains. */
const LINUX_COMPLAINS: readonly RegExp[] = [
  /\bWARNING:/,
  /\bBUG\b/,
  /\bOops\b/,
  /Kernel panic/,
  /general protection fault/,
  /multicall\(s\) failed/,
  /Call Trace:/,
  /rcu.*(stall|self-detected)/,
  /segfault at/,
];

/** Lines in which Xen does: its crashes, a debug build's refusals ("mm.c:100:d0v1 ..."), the audit's. */
const XEN_COMPLAINS: readonly RegExp[] = [
  /\bmm\.c:\d+:d\d/,
  /\bd\d+v\d+\b.*(refuse|has it installed|bad|Bad|Attempt|Error|exclusive)/,
  /Xen (BUG|WARN)|Assertion .* failed|FATAL|Panic on CPU/,
  /-EBUSY/,
];

export function linuxComplaints(lines: readonly string[]): string[] {
  return lines.filter((line) => LINUX_COMPLAINS.some((pattern) => pattern.test(line)));
}

export function xenComplaints(lines: readonly string[]): string[] {
  return lines.filter((line) => XEN_COMPLAINS.some((pattern) => pattern.test(line)));
}
