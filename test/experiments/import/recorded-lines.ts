/** Lines of a recording in test/data/traces, gzip or not, as bytes. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";

const DATA = join(__dirname, "..", "..", "data", "traces");

export function lines(file: string): Buffer[] {
  const bytes = readFileSync(join(DATA, file));
  const text = file.endsWith(".gz") ? gunzipSync(bytes) : bytes;
  return text
    .toString("latin1")
    .split("\n")
    .map((line) => Buffer.from(line, "latin1"));
}
