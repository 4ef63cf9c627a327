/** Plain text in 72 columns, as mails have it. */

export const COLUMNS = 72;

/**
 * Markdown as plain text: paragraphs and lists are filled, `code` loses its marks, indented blocks and tables stay as
 * they are.
 */
export function filled(text: string, columns = COLUMNS): string {
  return text
    .split(/\n{2,}/)
    .map((block) => (/^(?: {2,}|\t|\|)/.test(block) ? block : filledBlock(block, columns)))
    .join("\n\n");
}

function filledBlock(block: string, columns: number): string {
  const items: string[] = [];
  for (const line of block.split("\n")) {
    if (/^(?:- |\d+\. )/.test(line) || items.length === 0) items.push(line);
    else items[items.length - 1] += ` ${line.trim()}`;
  }
  return items.map((item) => filledItem(item.replace(/`([^`]*)`/g, "$1"), columns)).join("\n");
}

function filledItem(item: string, columns: number): string {
  const mark = /^(?:- |\d+\. )/.exec(item)?.[0] ?? "";
  const lines: string[] = [];
  let line = mark.trimEnd();
  for (const word of item.slice(mark.length).split(/\s+/)) {
    const next = line === "" ? word : `${line}${line.trim() === "" ? "" : " "}${word}`;
    if (next.length > columns && line.trim() !== "") {
      lines.push(line);
      line = `${" ".repeat(mark.length)}${word}`;
    } else line = next;
  }
  return [...lines, line].join("\n");
}

/** Columns of cells, the first to the left and others to the right, two spaces apart. */
export function aligned(rows: readonly (readonly string[])[], indent = "  "): string {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  return rows
    .map((row) => {
      const cells = row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)));
      return `${indent}${cells.join("  ")}`.trimEnd();
    })
    .join("\n");
}
