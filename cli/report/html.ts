/**
 * Text that is HTML, apart from text that is not: what goes into html`...` is escaped unless it is Html.
 *
 * Names in a report come from file names and from users' YAML, so no string reaches the page by another way.
 */

/** Markup: made by html`...`, and by hand only from texts of our own. */
export class Html {
  constructor(readonly text: string) {}
}

export type Part = Html | string | number | false | undefined | readonly Part[];

/** Join markup and values; values are escaped, lists joined, false and undefined left out. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  let text = unindented(strings[0]!);
  parts.forEach((part, i) => (text += markup(part) + unindented(strings[i + 1]!)));
  return new Html(text);
}

/** The indentation is for readers of the source. */
function unindented(source: string): string {
  return source.replace(/\n\s+/g, "\n");
}

function markup(part: Part): string {
  if (part === undefined || part === false) return "";
  if (part instanceof Html) return part.text;
  if (typeof part === "object") return part.map(markup).join("");
  return escapeHtml(String(part));
}

const ENTITIES: Record<string, string> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** `text` as text or attribute value; control characters, which HTML does not have, become U+FFFD. */
export function escapeHtml(text: string): string {
  return (
    text
      // eslint-disable-next-line no-control-regex
      .replace(/[\0-\x08\x0b-\x1f\x7f]/g, "\ufffd")
      .replace(/[&<>"']/g, (c) => ENTITIES[c]!)
  );
}

/** A number of cli/numbers.ts as print sets it: a minus, an ellipsis, and no line break before a unit. */
export function setNumber(text: string): string {
  return text
    .replace(/(^|[[( ])-(?=\d)/g, "$1\u2212")
    .replace(/ \.\. /g, " \u2026 ")
    .replace(/ (?=[kMGTP%]|B|KiB|MiB|GiB|TiB)/g, "\u202f");
}

/** A word for ids and links: unique only as far as `name` is. */
export function slug(name: string): string {
  return name.replace(/[^A-Za-z0-9_]+/g, "-");
}
