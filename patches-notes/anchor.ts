/**
 * Anchors: places of a source file that are found by what stands there, never by line number.
 *
 * An anchor is a pattern, within a scope or in the whole file, that begins and ends a line. It has to be found exactly
 * once. Layout and comments do not count; `@@` in a pattern stands for the fewest tokens that make the rest fit, and
 * does not go beyond the statement.
 */
import { scopesOf, type Scope } from "./scopes.js";
import { languageOf, tokensOf, type Language, type Token } from "./source-tokens.js";

export type Where = "before" | "after" | "replace" | "start" | "end";

export interface Anchor {
  readonly where: Where;
  /** Function, `struct NAME`, `config NAME`...; undefined: the whole file. */
  readonly scope: string | undefined;
  /** What stands there; undefined: the scope itself, before or behind it, or at its start or end. */
  readonly pattern: string | undefined;
}

/** Lines of a file, from `first` up to, not including, `end`; equal for an insertion. */
export interface Place {
  readonly first: number;
  readonly end: number;
}

/** Why an anchor cannot be used: one sentence, and the places that are nearest. */
export class NoAnchor extends Error {
  override readonly name = "NoAnchor";

  constructor(
    readonly what: string,
    readonly candidates: readonly string[],
  ) {
    super(what);
  }
}

/** A source file, cut once and asked for many anchors. */
export class AnchorFile {
  readonly lines: readonly string[];
  private readonly language: Language;
  private readonly tokens: readonly Token[];
  private readonly scopes: readonly Scope[];

  constructor(path: string, text: string) {
    this.lines = text.split("\n");
    this.language = languageOf(path);
    this.tokens = tokensOf(text, this.language);
    this.scopes = scopesOf(this.tokens, this.language);
  }

  /** The scopes named `name`; those under #if and #else may share a name. */
  scopesNamed(name: string): readonly Scope[] {
    return this.scopes.filter((scope) => scope.name === name);
  }

  /** Scopes whose name is one word: functions, and variables with an initial value. */
  functions(): readonly Scope[] {
    return this.language === "c" ? this.scopes.filter(({ name }) => !name.includes(" ")) : [];
  }

  /**
   * Where `anchor` is.
   *
   * Errors: NoAnchor for a scope or a pattern that is missing, is there twice, or does not fill its lines.
   */
  find(anchor: Anchor): Place {
    const scopes = anchor.scope === undefined ? [undefined] : this.scopesNamed(anchor.scope);
    if (scopes.length === 0)
      throw new NoAnchor(`has no ${sayScope(anchor.scope!)}`, this.similarScopes(anchor.scope!));
    if (anchor.pattern === undefined) return this.placeOfScope(scopes as Scope[], anchor.where);
    const pattern = tokensOf(anchor.pattern, this.language).map(({ text }) => text);
    const found = scopes.flatMap((scope) => this.matches(pattern, scope));
    if (found.length === 1) return this.placeOf(found[0]!, anchor);
    const place = anchor.scope === undefined ? "" : `in ${sayScope(anchor.scope)}, `;
    if (found.length > 1) {
      const lines = found.map(([first]) => this.show(this.tokens[first]!.line));
      throw new NoAnchor(`${place}\`${anchor.pattern}\` is there ${found.length} times`, lines);
    }
    throw new NoAnchor(`${place}\`${anchor.pattern}\` is not there`, this.similarLines(pattern, scopes));
  }

  private placeOfScope(scopes: readonly Scope[], where: Where): Place {
    if (scopes.length > 1) {
      throw new NoAnchor(
        `${sayScope(scopes[0]!.name)} is there ${scopes.length} times`,
        scopes.map(({ first }) => this.show(first)),
      );
    }
    const scope = scopes[0]!;
    const last = scope.last + 1;
    switch (where) {
      case "before":
        return at(this.aboveComment(scope.first));
      case "after":
        return at(last);
      case "start":
        return at(scope.open + 1);
      case "end":
        return at(scope.close);
      case "replace":
        return { first: scope.first, end: last };
    }
  }

  /** The line of the comment that stands right above line `first`, or `first`. */
  private aboveComment(first: number): number {
    if (this.language !== "c" || !this.lines[first - 1]?.trimEnd().endsWith("*/")) return first;
    let line = first - 1;
    while (line > 0 && !this.lines[line]!.includes("/*")) line--;
    return this.lines[line]!.trimStart().startsWith("/*") ? line : first;
  }

  private placeOf([from, to]: Match, anchor: Anchor): Place {
    const first = this.tokens[from]!.line;
    const last = this.tokens[to]!.lastLine;
    if (this.tokens[from - 1]?.lastLine === first || this.tokens[to + 1]?.line === last) {
      throw new NoAnchor(`\`${anchor.pattern}\` does not fill its lines`, [this.show(first)]);
    }
    switch (anchor.where) {
      case "before":
      case "start":
        return at(first);
      case "after":
      case "end":
        return at(last + 1);
      case "replace":
        return { first, end: last + 1 };
    }
  }

  /** First and last token of every place in `scope` where `pattern` stands. */
  private matches(pattern: readonly string[], scope: Scope | undefined): Match[] {
    const found: Match[] = [];
    for (let i = 0; i < this.tokens.length; i++) {
      const { line } = this.tokens[i]!;
      if (scope !== undefined && (line < scope.first || line > scope.last)) continue;
      const end = matchAt(this.tokens, i, pattern);
      if (end >= 0) found.push([i, end]);
    }
    return found;
  }

  private similarScopes(name: string): string[] {
    const parts = bigrams(name);
    return best(this.scopes, (scope) => likeness(parts, bigrams(scope.name))).map(
      (scope) => `${scope.name} (line ${scope.first + 1})`,
    );
  }

  private similarLines(pattern: readonly string[], scopes: readonly (Scope | undefined)[]): string[] {
    const parts = new Set(pattern);
    const numbers = [...new Set(this.tokens.map(({ line }) => line))].filter((line) =>
      scopes.some((scope) => scope === undefined || (scope.first <= line && line <= scope.last)),
    );
    const ofLine = new Map<number, Set<string>>();
    for (const { text, line } of this.tokens) {
      if (!ofLine.has(line)) ofLine.set(line, new Set());
      ofLine.get(line)!.add(text);
    }
    return best(numbers, (line) => likeness(parts, ofLine.get(line)!)).map((line) => this.show(line));
  }

  private show(line: number): string {
    return `line ${line + 1}: ${this.lines[line]!.trim()}`;
  }
}

type Match = readonly [first: number, last: number];

const ANY = "@@";

/** Index of the last token, where `pattern` fits from token `i` on; -1 where it does not. */
function matchAt(tokens: readonly Token[], i: number, pattern: readonly string[]): number {
  let at = i;
  for (let p = 0; p < pattern.length; p++) {
    if (pattern[p] !== ANY) {
      if (tokens[at]?.text !== pattern[p]) return -1;
      at++;
      continue;
    }
    const next = pattern[p + 1];
    while (at < tokens.length && tokens[at]!.text !== next) {
      if (/^[;{}]$/.test(tokens[at]!.text)) return -1;
      at++;
    }
  }
  return at - 1;
}

const at = (line: number): Place => ({ first: line, end: line });

const sayScope = (scope: string): string => (scope.includes(" ") ? scope : `${scope}()`);

function bigrams(text: string): Set<string> {
  return new Set(Array.from({ length: Math.max(1, text.length - 1) }, (_, i) => text.slice(i, i + 2)));
}

/** Sorensen and Dice: 1 for equal sets, 0 for sets that share nothing. */
function likeness(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  let shared = 0;
  for (const part of a) if (b.has(part)) shared++;
  return (2 * shared) / (a.size + b.size);
}

/** Up to three items that are like what was asked for, most alike first, in order where they are equally so. */
function best<T>(items: readonly T[], score: (item: T) => number): T[] {
  return items
    .map((item) => ({ item, likely: score(item) }))
    .filter(({ likely }) => likely >= 0.2)
    .sort((a, b) => b.likely - a.likely)
    .slice(0, 3)
    .map(({ item }) => item);
}
