/**
 * A patch as it is written down: Markdown whose front matter has the subject and what each function mirrors, then the
 * changelog, then under `# Edits` a heading per file with sentences that say where, each with a block of code.
 *
 *     ---
 *     subject: "x86/xen: Say what is changed"
 *     mirrors: { xen_vcpu_pgd_load: linux-mm-model/top-level/per-vcpu.ts load }
 *     ---
 *
 *     The state of things, the problem, the solution.
 *
 *     # Edits
 *
 *     ## arch/x86/xen/mmu_pv.c
 *
 *     In `xen_set_p4d`, after `__xen_set_p4d_hyper(ptr, val);`:
 *
 *     ```c
 *     	more();
 *     ```
 *
 * Sentences: `New file:`; `Before`, `After` or `Replace` a pattern (anchor.ts); the same within a scope, `In ..., after
 * ...:`; `In ..., at the start:`, `at the end:`; `Before function ...:`, `After function ...:`, `Replace function ...:`. One that begins with
 * `Or` is another form of the edit before it, for trees that have no place for that.
 */
import { parse } from "yaml";
import { z } from "zod";
import { BadInput } from "../abi/bad-input.js";
import type { Anchor, Where } from "./anchor.js";

/** One form of an edit: where, and the lines to put there. */
export interface EditForm {
  /** Undefined: the file is new. */
  readonly anchor: Anchor | undefined;
  readonly lines: readonly string[];
}

export interface Edit {
  readonly path: string;
  /** The first that has a place in the tree is taken. */
  readonly forms: readonly EditForm[];
  /** Where the sketch says so: file and line. */
  readonly source: string;
}

export interface Sketch {
  /** The file it was read from. */
  readonly file: string;
  readonly subject: string;
  /** Function of the patch -> file and function of the twin that it mirrors. */
  readonly mirrors: Readonly<Record<string, string>>;
  /** The changelog, without tags. */
  readonly body: string;
  readonly edits: readonly Edit[];
}

const frontMatter = z.strictObject({
  subject: z.string().max(75),
  mirrors: z.record(z.string(), z.string()).default({}),
});

/**
 * Read a sketch.
 *
 * Errors: BadInput, naming the line, where the text does not follow the form.
 */
export function parseSketch(text: string, file: string): Sketch {
  const { head, body, line } = splitFrontMatter(text, file);
  const { subject, mirrors } = checked(frontMatter, head, file);
  const [changelog, edits] = cutAt(body, "\n# Edits\n");
  if (edits === undefined)
    throw new BadInput(file, "", "has no heading `# Edits`", "say there what is changed");
  const firstLine = line + newlinesIn(changelog!) + 2;
  return { file, subject, mirrors, body: changelog!.trim(), edits: parseEdits(edits, firstLine, file) };
}

/** The YAML between two lines `---` at the beginning, and the text behind, which begins on `line`, counted from 0. */
export function splitFrontMatter(text: string, file: string): { head: unknown; body: string; line: number } {
  const found = /^---\n([^]*?\n)---\n/.exec(text);
  if (found === null) throw new BadInput(file, "line 1", "has no front matter", "begin with --- and YAML");
  let head: unknown;
  try {
    head = parse(found[1]!);
  } catch (error) {
    throw new BadInput(file, "front matter", (error as Error).message.split("\n")[0]!, "mend the YAML");
  }
  return { head, body: text.slice(found[0].length), line: newlinesIn(found[0]) };
}

/** `value` if it has the form of `schema`. Errors: BadInput, naming the key. */
export function checked<T>(schema: z.ZodType<T>, value: unknown, file: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new BadInput(file, issue!.path.join(".") || "front matter", issue!.message, "mend the front matter");
}

function cutAt(text: string, mark: string): [string, string | undefined] {
  const at = text.indexOf(mark);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + mark.length)];
}

const newlinesIn = (text: string): number => text.split("\n").length - 1;

function parseEdits(text: string, firstLine: number, file: string): Edit[] {
  const edits: Edit[] = [];
  const lines = text.split("\n");
  let path: string | undefined;
  let sentence: { anchor: Anchor | undefined; isOther: boolean; line: number } | undefined;
  const fail = (n: number, what: string, remedy: string): never => {
    throw new BadInput(file, `line ${firstLine + n + 1}`, what, remedy);
  };
  for (let n = 0; n < lines.length; n++) {
    const line = lines[n]!;
    if (line.startsWith("## ")) path = line.slice(3).trim();
    else if (line.startsWith("```")) {
      if (path === undefined) fail(n, "has code before a heading with a file's name", "name the file");
      if (sentence === undefined) fail(n, "has code without a sentence before it", "say where it goes");
      const end = lines.indexOf("```", n + 1);
      if (end < 0) fail(n, "has a block without an end", "close it with ```");
      const form: EditForm = { anchor: sentence!.anchor, lines: lines.slice(n + 1, end) };
      const last = edits.at(-1);
      if (sentence!.isOther && last !== undefined)
        edits[edits.length - 1] = { ...last, forms: [...last.forms, form] };
      else
        edits.push({ path: path!, forms: [form], source: `${file}: line ${firstLine + sentence!.line + 1}` });
      sentence = undefined;
      n = end;
    } else if (line.trim() !== "") {
      const isOther = line.startsWith("Or ");
      const said = parseSentence(isOther ? line.slice(3) : line);
      if (said === undefined)
        fail(n, `has a sentence that says no place: ${line}`, "see patches-notes/sketch.ts");
      sentence = { anchor: said === "new file" ? undefined : (said as Anchor), isOther, line: n };
    }
  }
  return edits;
}

const SENTENCE =
  /^(?:in `(?<scope>[^`]+)`, )?(?:(?<where>before|after|replace) (?<whole>function )?`(?<pattern>[^`]+)`|at the (?<edge>start|end)):$/i;

function parseSentence(line: string): Anchor | "new file" | undefined {
  if (/^new file:$/i.test(line)) return "new file";
  const groups = SENTENCE.exec(line)?.groups;
  if (groups === undefined) return undefined;
  const { scope, where, whole, pattern, edge } = groups;
  if (edge !== undefined)
    return scope === undefined ? undefined : { where: edge as Where, scope, pattern: undefined };
  const place = where!.toLowerCase() as Where;
  return whole === undefined
    ? { where: place, scope, pattern }
    : { where: place, scope: pattern, pattern: undefined };
}
