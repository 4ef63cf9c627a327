/**
 * Named places of a source file: functions, structs, enums, unions and initialised variables of C, entries of Kconfig.
 *
 * Differs: found by signs and braces, without types: `name(...) {` at the outermost level is a function, whatever
 * macros stand before it. Where #if and #else both open a brace, only the first counts.
 */
import type { Language, Token } from "./source-tokens.js";

export interface Scope {
  /** As an anchor gives it: `xen_set_p4d`, `struct mm_struct`, `enum pt_level`, `config XEN_PV`. */
  readonly name: string;
  /** First and last line, from 0: of a function, from its type to its closing brace. */
  readonly first: number;
  readonly last: number;
  /** Lines of the opening and the closing brace; those of a Kconfig entry are its first and last. */
  readonly open: number;
  readonly close: number;
}

const AGGREGATES = new Set(["struct", "enum", "union"]);

/** All scopes of a file, in order; two may have one name, under #if and #else. */
export function scopesOf(tokens: readonly Token[], language: Language): Scope[] {
  return language === "c" ? scopesOfC(tokens) : entriesOfKconfig(tokens);
}

function scopesOfC(tokens: readonly Token[]): Scope[] {
  const scopes: Scope[] = [];
  const depths: number[] = []; // the depth that each open #if began with
  let depth = 0;
  let began = 0; // token that the current outermost declaration begins with
  let opened: { name: string; first: number; open: number } | undefined;
  for (let i = 0; i < tokens.length; i++) {
    const { text, line } = tokens[i]!;
    if (text === "#" && (i === 0 || tokens[i - 1]!.line < line)) {
      const directive = tokens[i + 1]?.text ?? "";
      if (directive.startsWith("if")) depths.push(depth);
      else if (directive === "else" || directive === "elif") depth = depths.at(-1) ?? depth;
      else if (directive === "endif") depths.pop();
      i = endOfDirective(tokens, i);
      if (depth === 0) began = i + 1;
    } else if (text === "{") {
      if (depth++ === 0)
        opened = { name: nameBefore(tokens, began, i), first: tokens[began]!.line, open: line };
    } else if (text === "}") {
      if (depth > 0) depth--;
      if (depth > 0) continue;
      if (opened !== undefined && opened.name !== "") scopes.push({ ...opened, last: line, close: line });
      opened = undefined;
      began = i + 1;
    } else if (text === ";" && depth === 0) began = i + 1;
  }
  return scopes;
}

/** Index of the last token of the preprocessor line that begins at `i`. */
function endOfDirective(tokens: readonly Token[], i: number): number {
  let end = i;
  while (end + 1 < tokens.length && tokens[end + 1]!.line === tokens[i]!.line) end++;
  return end;
}

/** What the brace at `brace` opens: a function, a struct, or a variable's initial value; "" for others. */
function nameBefore(tokens: readonly Token[], began: number, brace: number): string {
  const head = tokens.slice(began, brace).map(({ text }) => text);
  const assigned = head.indexOf("=");
  if (assigned > 0) return head[head[assigned - 1] === "]" ? head.indexOf("[") - 1 : assigned - 1] ?? "";
  const aggregate = head.findIndex((text) => AGGREGATES.has(text));
  if (aggregate >= 0 && !head.includes("(")) return head.slice(aggregate, aggregate + 2).join(" ");
  for (let i = began; i + 1 < brace; i++) {
    if (tokens[i + 1]!.text !== "(" || !/^[A-Za-z_]/.test(tokens[i]!.text)) continue;
    const end = closing(tokens, i + 1, brace);
    if (ATTRIBUTES.test(tokens[i]!.text)) {
      i = end;
      continue;
    }
    return tokens[i]!.text;
  }
  return "";
}

const ATTRIBUTES =
  /^(?:__attribute__|__section|__aligned|__printf|__acquires|__releases|__must_hold|cf_check)$/;

function closing(tokens: readonly Token[], open: number, limit: number): number {
  let depth = 0;
  for (let i = open; i < limit; i++) {
    if (tokens[i]!.text === "(") depth++;
    else if (tokens[i]!.text === ")" && --depth === 0) return i;
  }
  return limit;
}

const KCONFIG_HEADS = new Set([
  "config",
  "menuconfig",
  "choice",
  "menu",
  "endmenu",
  "endchoice",
  "source",
  "if",
  "endif",
]);

function entriesOfKconfig(tokens: readonly Token[]): Scope[] {
  const heads = tokens.filter(({ text, line }, i) => KCONFIG_HEADS.has(text) && tokens[i - 1]?.line !== line);
  const scopes: Scope[] = [];
  heads.forEach((head, n) => {
    if (head.text !== "config" && head.text !== "menuconfig") return;
    const at = tokens.indexOf(head);
    const name = tokens[at + 1];
    if (name?.line !== head.line) return;
    const next = heads[n + 1]?.line ?? Infinity;
    const inside = tokens.filter(({ line }) => line >= head.line && line < next);
    const last = inside.at(-1)!.line;
    scopes.push({
      name: `${head.text} ${name.text}`,
      first: head.line,
      last,
      open: head.line,
      close: last + 1,
    });
  });
  return scopes;
}
