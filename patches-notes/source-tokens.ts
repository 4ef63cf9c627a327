/**
 * Words and signs of a source file, each with its line, so that an anchor matches whatever the layout is.
 *
 * Mirrors: the lexer of a C preprocessor, as far as comments, strings and continued lines go.
 * Differs: a preprocessor line gives tokens like any other; what an #if leaves out is looked at too.
 */

export interface Token {
  readonly text: string;
  /** Lines count from 0; a token that spans lines (a string) ends on `lastLine`. */
  readonly line: number;
  readonly lastLine: number;
}

/** How a file is cut: C has comments and signs; others (Kconfig, Makefile, documentation) have words. */
export type Language = "c" | "words";

export function languageOf(path: string): Language {
  return /\.(?:c|h|S|inc)$/.test(path) ? "c" : "words";
}

const C_TOKEN =
  /\/\*[^]*?(?:\*\/|$)|\/\/[^\n]*|\\\n|"(?:\\[^]|[^"\\\n])*"|'(?:\\[^]|[^'\\\n])*'|[A-Za-z_$][\w$]*|\d[\w.]*|<<=|>>=|->|\+\+|--|&&|\|\||<<|>>|[-+*/%&|^=!<>]=|##|@@|[^\s]/g;
const WORD = /\S+/g;

/** Cut `text`; comments and white space are left out. */
export function tokensOf(text: string, language: Language): Token[] {
  const tokens: Token[] = [];
  let line = 0;
  let from = 0;
  for (const { 0: found, index } of text.matchAll(language === "c" ? C_TOKEN : WORD)) {
    line += newlines(text, from, index);
    const inside = newlines(found, 0, found.length);
    const isComment = language === "c" && (found.startsWith("/*") || found.startsWith("//"));
    if (!isComment && found !== "\\\n") tokens.push({ text: found, line, lastLine: line + inside });
    line += inside;
    from = index + found.length;
  }
  return tokens;
}

function newlines(text: string, from: number, to: number): number {
  let n = 0;
  for (let at = text.indexOf("\n", from); at >= 0 && at < to; at = text.indexOf("\n", at + 1)) n++;
  return n;
}
