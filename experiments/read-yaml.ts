/** Files of data: YAML of a stated form. */
import { readFileSync } from "node:fs";
import { parseDocument } from "yaml";
import type { z } from "zod";
import { BadInput } from "../abi/bad-input.js";

/**
 * Read a YAML file of the form `schema`.
 *
 * Errors: BadInput, naming the file, the line or key, and what to do: `unreadable`, or `see` what the form is.
 */
export function readYaml<T>(file: string, schema: z.ZodType<T>, unreadable: string, see: string): T {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new BadInput(file, "", `cannot be read (${(error as NodeJS.ErrnoException).code})`, unreadable);
  }
  const document = parseDocument(text);
  const [damage] = document.errors;
  if (damage !== undefined) {
    throw new BadInput(file, `line ${damage.linePos?.[0].line ?? 1}`, "is not YAML", "mend the line");
  }
  const result = schema.safeParse(document.toJS());
  if (!result.success) {
    const issue = result.error.issues[0]!;
    throw new BadInput(file, issue.path.join(".") || "top level", issue.message, see);
  }
  return result.data;
}
