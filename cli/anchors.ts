/** `pvtwin anchors`: published and measured results, rerun as experiments on the twins. */
import type { Command } from "commander";
import { ANCHOR_DIR, readAnchors } from "../experiments/anchors/anchor.js";
import { type AnchorResult, runAnchors } from "../experiments/anchors/run-anchors.js";
import { progressOn } from "./progress.js";
import { si } from "./numbers.js";
import { wrap } from "./wrap.js";

export function register(program: Command): void {
  program
    .command("anchors")
    .description("Rerun what was published or measured: is the model's answer in the band?")
    .argument("[name...]", "names of anchors; none: all")
    .option("--dir <dir>", "a folder of anchors", ANCHOR_DIR)
    .option("--json", "print one JSON document, and nothing else", false)
    .addHelpText("after", "\nExample:\n  pvtwin anchors xpti-getpid tls-descriptors-switch\n")
    .action(async (names: string[], flags: { dir: string; json: boolean }) => {
      const anchors = readAnchors(flags.dir, names);
      const bar = progressOn("anchors", anchors.length);
      const results = await runAnchors(anchors, (done) => bar.update(done)).finally(() => bar.stop());
      process.stdout.write(flags.json ? `${JSON.stringify({ anchors: results })}\n` : text(results));
      // an answer that is outside, and nobody knows why, is a defect of the model
      process.exitCode = results.every(({ inBand, reason }) => inBand || reason !== undefined) ? 0 : 1;
    });
}

function text(results: readonly AnchorResult[]): string {
  const blocks = results.map((anchor) => {
    const { name, title, source, conditions, published, modelled, from, band, because, inBand } = anchor;
    const answer =
      modelled === null ? "none" : `${number(modelled.likely)}${range(modelled.low, modelled.high)}`;
    const lines = [
      `${inBand ? "in band    " : "OUT OF BAND"}  ${name}: ${title}`,
      ...indented(`published: ${number(published.value)} ${published.unit} (${published.text})`),
      ...indented(`modelled:  ${answer}; band ${number(band.low)} to ${number(band.high)}: ${because}`),
      ...indented(`by: ${from}`),
      ...indented(`source: ${source}. ${conditions}`),
    ];
    if (!inBand) lines.push(...indented(`why outside: ${anchor.reason ?? "not known"}`));
    return lines.join("\n");
  });
  const inside = results.filter(({ inBand }) => inBand).length;
  return `${blocks.join("\n\n")}\n\n${inside} of ${results.length} in band\n`;
}

function indented(line: string): string[] {
  return wrap(line, 84).map((part, i) => `${" ".repeat(i === 0 ? 13 : 17)}${part}`);
}

function range(low: number, high: number): string {
  return low === high ? "" : ` [${number(low)}..${number(high)}]`;
}

/** Small ones with their digits, as ratios need them. */
function number(n: number): string {
  return Math.abs(n) < 1 ? String(Number(n.toPrecision(3))) : si(n);
}
