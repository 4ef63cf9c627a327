/** `pvtwin patches`: the series of a proposal, as mail files for the reader's own trees. */
import { readFileSync } from "node:fs";
import { dirname, join, resolve, basename } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import { BadInput } from "../abi/bad-input.js";
import { dataFolder } from "../experiments/bundled.js";
import { makeSeries, type MadeSeries } from "../patches-notes/make-series.js";
import { readMeasured } from "../patches-notes/measured.js";
import { readNotes } from "../patches-notes/notes.js";
import type { Project } from "../patches-notes/source-tree.js";
import { writeSeries } from "../patches-notes/write-series.js";
import { aligned } from "../patches-notes/wrap.js";

interface Options {
  readonly linux?: string;
  readonly xen?: string;
  readonly out: string;
  readonly evaluation?: string;
  readonly since?: string;
  readonly reroll: number;
  readonly rfc: boolean;
  readonly author: string;
  readonly date?: string;
  readonly json: boolean;
}

export function register(program: Command): void {
  program
    .command("patches")
    .description("Write the patch series of a proposal for a Linux and a Xen tree, as git format-patch would")
    .argument("<proposal>", "a proposal with notes in patches-notes/")
    .option("--linux <dir>", "a Linux source tree; its series goes into the output folder")
    .option("--xen <dir>", "a Xen source tree; its series goes into xen/ below that")
    .requiredOption("-o, --out <dir>", "the folder of the series")
    .option("-e, --evaluation <file>", "results.json of pvtwin evaluate, for the cover letter's numbers")
    .option("--since <dir>", "an older version of the proposal's notes, for changelog and range-diff")
    .option("-v, --reroll <n>", "version of the series", wholeNumber, 1)
    .option("--rfc", "ask for comments: [RFC PATCH ...]", false)
    .option("--author <email>", "who signs off: Name <address>", author, "Your Name <you@example.org>")
    .option("--date <date>", "an RFC 2822 date for all mails; without, git am takes the time of day")
    .option("--json", "print one JSON document, and nothing else", false)
    .addHelpText(
      "after",
      "\nExample:\n  pvtwin patches linux-per-vcpu --linux test/data/patches/linux-6.1 " +
        "--xen test/data/patches/xen-4.17 --out out/series\n",
    )
    .action((proposal: string, options: Options) => {
      const made = makeAll(proposal, options);
      const files = new Map<string, string>();
      for (const series of made) {
        const folder = series.project === "xen" ? "xen/" : "";
        for (const [name, text] of series.files) files.set(`${folder}${name}`, text);
      }
      writeSeries(options.out, files);
      process.stdout.write(
        options.json ? `${JSON.stringify(documentOf(proposal, made))}\n` : render(made, options.out),
      );
    });
}

function makeAll(proposal: string, options: Options): MadeSeries[] {
  const trees = (["linux", "xen"] as const).flatMap((project: Project) => {
    const dir = options[project];
    return dir === undefined ? [] : [{ project, dir }];
  });
  if (trees.length === 0)
    throw new BadInput("pvtwin patches", "", "has no tree", "give --linux DIR or --xen DIR");
  const folder = dataFolder("patches-notes");
  const notes = readNotes(folder, proposal);
  const old = options.since === undefined ? undefined : resolve(options.since);
  const { version } = JSON.parse(readFileSync(dataFolder("package.json"), "utf8")) as { version: string };
  return trees.map(({ project, dir }) =>
    makeSeries(notes, project, dir, {
      folder,
      author: options.author,
      date: options.date,
      rfc: options.rfc,
      version: options.reroll,
      signature: `pvtwin ${version}`,
      measured: options.evaluation === undefined ? undefined : readMeasured(options.evaluation),
      since: old === undefined ? undefined : readNotes(dirname(old), basename(old)),
    }),
  );
}

/** The document of --json. */
function documentOf(proposal: string, made: readonly MadeSeries[]) {
  const patches = made.flatMap((series) =>
    series.patches.map(({ file, project, subject, files, maintainers }) => ({
      file: project === "xen" ? join("xen", file) : file,
      project,
      subject,
      files: files.map(({ path, insertions, deletions, layer }) => ({ path, insertions, deletions, layer })),
      maintainers: maintainers.map(({ email, role }) => ({ email, role })),
    })),
  );
  const series = made.map(({ project, base, footprint, hooks }) => ({ project, base, footprint, hooks }));
  const sum = (key: "files" | "insertions" | "deletions" | "functions"): number =>
    made.reduce((total, { footprint }) => total + footprint[key], 0);
  const totals = {
    patches: patches.length,
    files: sum("files"),
    insertions: sum("insertions"),
    deletions: sum("deletions"),
    functions: sum("functions"),
    recipients: new Set(made.flatMap(({ footprint }) => footprint.recipients)).size,
  };
  return { proposal, patches, totals, series };
}

function render(made: readonly MadeSeries[], out: string): string {
  const blocks = made.map(({ base, patches, footprint, hooks, files }) => {
    const rows = patches.map(({ subject, files: changed, maintainers }) => {
      const sum = (key: "insertions" | "deletions"): number => changed.reduce((n, file) => n + file[key], 0);
      return [subject, `+${sum("insertions")}`, `-${sum("deletions")}`, `${maintainers.length}`];
    });
    const layers = footprint.layers.map((layer) => [
      layer.layer,
      ...[layer.files, layer.insertions, layer.deletions, layer.functions].map(String),
    ]);
    const reached = hooks.filter(({ coverage }) => coverage.endsWith("touched"));
    return [
      `${base}: ${files.size} files`,
      aligned([["patch", "+", "-", "recipients"], ...rows]),
      aligned([["layer", "files", "+", "-", "functions"], ...layers]),
      ...(hooks.length > 0
        ? [
            `  ${reached.length} of ${hooks.length} places where such a change can attach; ${footprint.recipients.length} recipients`,
          ]
        : [`  ${footprint.recipients.length} recipients`]),
      "",
    ].join("\n");
  });
  return `${blocks.join("\n")}\nSeries: ${out}\n`;
}

function wholeNumber(text: string): number {
  const n = Number(text);
  if (!Number.isInteger(n) || n < 1 || n > 99)
    throw new InvalidArgumentError("a whole number from 1 to 99 is needed");
  return n;
}

function author(text: string): string {
  if (!/^[^<>\n]+ <[^<>@\s]+@[^<>@\s]+>$/.test(text))
    throw new InvalidArgumentError("it has to be Name <address>");
  return text;
}
