/**
 * A patch as a mail file, in the form of git format-patch; and such files read.
 *
 * Mirrors: git format-patch and git mailinfo, for plain text in UTF-8.
 */
import { BadInput } from "../abi/bad-input.js";

export interface Mail {
  readonly from: string;
  /** An RFC 2822 date; undefined: git am takes the time of day. */
  readonly date?: string | undefined;
  /** Whole, with `[PATCH 1/2]`. */
  readonly subject: string;
  readonly body: string;
  /** What stands between `---` and the diff: the changelog of versions, the diffstat. */
  readonly below: string;
  readonly diff: string;
}

/** What a mail of git's begins with: the commit, and a date that means nothing. */
const MBOX_LINE = /^From [0-9a-f]{40} \w{3} \w{3} +\d+ [\d:]+ \d{4}$/;

/** The mail file. `signature` is its last line. */
export function renderMail({ from, date, subject, body, below, diff }: Mail, signature: string): string {
  const plain = [from, subject, body].every(isAscii);
  const head = [
    `From ${"0".repeat(40)} Mon Sep 17 00:00:00 2001`,
    `From: ${isAscii(from) ? from : encodedName(from)}`,
    ...(date === undefined ? [] : [`Date: ${date}`]),
    folded(`Subject: ${subject}`),
    ...(plain
      ? []
      : ["MIME-Version: 1.0", "Content-Type: text/plain; charset=UTF-8", "Content-Transfer-Encoding: 8bit"]),
  ];
  const parts = [...head, "", body.trimEnd()];
  if (below !== "" || diff !== "") parts.push("---", below.trimEnd());
  parts.push("", ...(diff === "" ? [] : [diff.replace(/\n$/, "")]), "-- ", signature, "", "");
  return parts.join("\n");
}

/** May `text` stand in a header as it is? */
const isAscii = (text: string): boolean => Buffer.byteLength(text, "utf8") === text.length;

function encodedName(from: string): string {
  const [, name, address] = /^(.*) (<.*>)$/.exec(from) ?? [undefined, from, ""];
  return `=?UTF-8?B?${Buffer.from(name!, "utf8").toString("base64")}?= ${address}`;
}

/** A header of at most 78 columns a line, the others begin with a space. */
function folded(header: string): string {
  const lines: string[] = [];
  let line = "";
  for (const word of header.split(" ")) {
    const next = line === "" ? word : `${line} ${word}`;
    if (next.length > 78 && line !== "") {
      lines.push(line);
      line = word;
    } else line = next;
  }
  return [...lines, line].join("\n ");
}

/**
 * The mails of an mbox, or of one file of git format-patch.
 *
 * Errors: BadInput for a text that begins with no mail.
 */
export function parseMbox(text: string, file: string): Mail[] {
  const lines = text.split("\n");
  if (!MBOX_LINE.test(lines[0]!)) {
    throw new BadInput(file, "line 1", "is no line of an mbox", "name a file of git format-patch");
  }
  const starts = lines.flatMap((line, n) => (MBOX_LINE.test(line) ? [n] : []));
  return starts.map((start, i) => parseMail(lines.slice(start + 1, starts[i + 1] ?? lines.length)));
}

function parseMail(lines: readonly string[]): Mail {
  const blank = lines.indexOf("");
  const headers = lines
    .slice(0, blank)
    .join("\n")
    .replace(/\n[ \t]+/g, " ")
    .split("\n");
  const header = (name: string): string | undefined => {
    const found = headers.find((line) => line.toLowerCase().startsWith(`${name}: `));
    return found === undefined ? undefined : decoded(found.slice(name.length + 2));
  };
  const text = withoutSignature(lines.slice(blank + 1));
  const end = text.findIndex((line) => line === "---" || line.startsWith("diff --git "));
  const body = end < 0 ? text : text.slice(0, end);
  const rest = end < 0 ? [] : text.slice(end);
  const diffAt = rest.findIndex((line) => line.startsWith("diff --git "));
  const below = rest.slice(rest[0] === "---" ? 1 : 0, diffAt < 0 ? rest.length : diffAt);
  return {
    from: header("from") ?? "",
    date: header("date"),
    subject: header("subject") ?? "",
    body: body.join("\n").trim(),
    below: below.join("\n").trim(),
    diff: diffAt < 0 ? "" : `${rest.slice(diffAt).join("\n").replace(/\n+$/, "")}\n`,
  };
}

/** Everything up to the last `-- `. */
function withoutSignature(lines: readonly string[]): readonly string[] {
  const at = lines.lastIndexOf("-- ");
  return at < 0 ? lines : lines.slice(0, at);
}

/** Words as RFC 2047 has them, `=?UTF-8?q?...?=`, in plain text. */
function decoded(text: string): string {
  return text
    .replace(/\?=\s+=\?/g, "?==?")
    .replace(/=\?utf-8\?([bq])\?([^?]*)\?=/gi, (_, kind: string, word: string) =>
      kind.toLowerCase() === "b" ? Buffer.from(word, "base64").toString("utf8") : quotedPrintable(word),
    );
}

function quotedPrintable(word: string): string {
  const bytes = word
    .replace(/_/g, " ")
    .replace(/=([0-9A-F]{2})/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
  return Buffer.from(bytes, "latin1").toString("utf8");
}
