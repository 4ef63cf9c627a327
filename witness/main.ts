/** `npm run witness`: play mm scripts on a real kernel under a real Xen, and write what they recorded. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Command } from "commander";
import { BadInput } from "../abi/bad-input.js";
import { readMmScripts, type MmScript } from "../experiments/mm-script/script.js";
import { NOT_RECORDED } from "./count-events.js";
import { boot, consoleOf, isolation, LINUX_ARGUMENTS, XEN_ARGUMENTS } from "./boot.js";
import { linuxComplaints, parseConsole, xenComplaints, type Console } from "./console.js";
import { Cr3Watch, xenImage } from "./cr3-watch.js";
import { guestInitramfs, withLibraries } from "./guest-files.js";
import { executable } from "./initramfs.js";
import { findIngredients } from "./packages.js";
import { mergeRuns, recordedSteps, type RecordedStep } from "./record.js";
import { readScripts, replay } from "./replay.js";
import { scriptText } from "./script-text.js";

interface Flags {
  readonly kernel?: string;
  readonly xen?: string;
  readonly scripts: string;
  readonly replay?: string[];
  readonly only?: string[];
  readonly program?: string[];
  readonly with?: string[];
  readonly stress: boolean;
  readonly watchCr3: boolean;
  readonly runs: string;
  readonly cpus: string;
  readonly patience: string;
  readonly linuxArgs: string;
  readonly xenArgs: string;
  readonly out?: string;
  readonly log?: string;
}

const SCRIPTS = join(__dirname, "../test/data/linux-6.1-pv/visible.jsonl.gz");

const program = new Command("npm run witness --")
  .description(
    "Play mm scripts on Linux under Xen, in QEMU, and write what was recorded, as pvtwin mm reads it",
  )
  .option("--kernel <bzImage>", "Linux (otherwise the one that scripts/fetch-kernel.sh fetched)")
  .option("--xen <image>", "Xen (otherwise the newest in /boot)")
  .option("--scripts <file>", "mm scripts, one JSON document a line", SCRIPTS)
  .option(
    "--replay <files...>",
    "hypercall scripts instead, played by a small PV guest, as pvtwin replay reads them",
  )
  .option("--only <names...>", "only these scripts")
  .option("--program <files...>", "shell scripts to run afterwards")
  .option("--with <programs...>", "programs to put into the guest, with their libraries")
  .option("--stress", "then run witness/guest/stress.sh: storms, a shell session, programs", false)
  .option("--watch-cr3", "ask QEMU for all pCPUs' %cr3 all the while", false)
  .option("--runs <n>", "record each script so often", "1")
  .option("--cpus <n>", "vCPUs; scripts run on 1 and 2", "3")
  .option("--patience <seconds>", "for one boot", "300")
  .option("--linux-args <words>", "more of Linux's command line", "")
  .option("--xen-args <words>", "more of Xen's command line", "")
  .option("--out <file>", "write the recording there, and not to standard output")
  .option("--log <file>", "write the console there")
  .addHelpText(
    "after",
    "\nExample:\n  npm run witness -- --only fork_cow --out out/fork_cow.jsonl\n  pvtwin mm out/fork_cow.jsonl\n" +
      "  npm run witness -- --replay test/data/xen-4.17/directed.jsonl --out out/directed.jsonl\n  pvtwin replay out/directed.jsonl\n",
  )
  .action((flags: Flags) => (flags.replay === undefined ? record(flags) : recordReplay(flags, flags.replay)));

async function record(flags: Flags): Promise<void> {
  const ingredients = findIngredients(flags);
  const scripts = readMmScripts(flags.scripts).filter((s) => flags.only?.includes(s.name) ?? true);
  if (scripts.length === 0 && flags.only !== undefined && flags.only[0] !== "none")
    throw new BadInput(
      flags.scripts,
      "",
      `holds none of ${flags.only.join(", ")}`,
      "see the names in the file",
    );
  const runs = Number(flags.runs);
  const texts = new Map<string, string>();
  scripts.forEach((script, i) => {
    for (let run = 0; run < runs; run++)
      texts.set(`${String(i).padStart(3, "0")}.${run}`, scriptText(script, flags.scripts, 1));
  });
  const stress = flags.stress ? [join(__dirname, "guest/stress.sh")] : [];
  const programs = [...(flags.program ?? []), ...stress].map((file, i) =>
    executable(`programs/${i}-${file.split("/").at(-1)!}`, readFileSync(file)),
  );
  const scratch = mkdtempSync(join(tmpdir(), "pvtwin-witness-"));
  try {
    const cpus = Number(flags.cpus);
    const initramfs = guestInitramfs(ingredients, texts, [...programs, ...withLibraries(flags.with ?? [])]);
    const watch = new Cr3Watch();
    const text = await boot(ingredients, initramfs, scratch, {
      cpus,
      patience: Number(flags.patience),
      xenArguments: [...XEN_ARGUMENTS, ...words(flags.xenArgs)],
      // only where scripts are recorded do some CPUs carry nothing else
      linuxArguments: [
        ...LINUX_ARGUMENTS,
        ...(scripts.length > 0 ? isolation(cpus) : []),
        ...words(flags.linuxArgs),
      ],
      ...(flags.watchCr3 ? { onMonitor: (socket: string) => watch.sample(socket) } : {}),
    }).finally(() => {
      if (flags.log !== undefined) writeFileSync(flags.log, consoleOf(scratch));
    });
    const console = parseConsole(text, "the console");
    report(console, flags.watchCr3 ? watch.summary(xenImage(console.xen)) : undefined);
    const recorded = scripts.map((script, i) => recording(script, i, runs, console.blocks));
    write(recorded, flags.out);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Play hypercall scripts; what Xen said of audits and refusals goes to standard error. */
async function recordReplay(flags: Flags, files: readonly string[]): Promise<void> {
  const all = readScripts(files);
  const scripts = all.filter(({ name }) => flags.only?.includes(name) ?? true);
  if (scripts.length === 0)
    throw new BadInput(files.join(", "), "", "holds no script to play", "see the names in the file");
  let text = "";
  const recorded = await replay(findIngredients(flags), scripts, {
    patience: Number(flags.patience),
    xenArguments: words(flags.xenArgs),
    onConsole: (more) => (text += more),
  }).finally(() => {
    if (flags.log !== undefined) writeFileSync(flags.log, text);
  });
  const said = text.split("\n").filter((line) => /audited|has it installed|^@!/.test(line));
  process.stderr.write(said.map((line) => `${line.trim()}\n`).join(""));
  write(recorded, flags.out);
}

/** What was said besides the recording, to standard error: the programs' words, the witness's, complaints. */
function report({ linux, xen, blocks }: Console, cr3: string | undefined): void {
  const from = linux.findIndex((line) => line.startsWith("@@ guest"));
  const complaints = [
    ...linuxComplaints([...linux, ...(blocks.get("dmesg") ?? "").split("\n")]),
    ...xenComplaints(xen),
  ];
  const lines = [
    ...linux.slice(from).filter((line) => !line.startsWith("@@ all") && line.trim() !== ""),
    ...(cr3 === undefined ? [] : [cr3]),
    `${complaints.length} complaints in the consoles${complaints.length > 0 ? ":" : ""}`,
    ...complaints.slice(0, 20),
  ];
  process.stderr.write(`${lines.join("\n")}\n`);
}

function recording(script: MmScript, i: number, runs: number, blocks: ReadonlyMap<string, string>): object {
  const all: RecordedStep[][] = [];
  for (let run = 0; run < runs; run++) {
    const block = blocks.get(`${String(i).padStart(3, "0")}.${run}`);
    if (block === undefined)
      throw new BadInput("the console", script.name, "has no block", "see the console");
    all.push(recordedSteps(script, block, "the console"));
  }
  return { ...script, runs, notRecorded: [...NOT_RECORDED], results: mergeRuns(all) };
}

/** JSON lines, to `file` or standard output. */
function write(documents: readonly object[], file: string | undefined): void {
  const lines = documents.map((document) => `${JSON.stringify(document)}\n`).join("");
  if (file === undefined) {
    process.stdout.write(lines);
    return;
  }
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, lines);
}

function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== "");
}

program.parseAsync().catch((error: unknown) => {
  if (!(error instanceof BadInput)) throw error;
  process.stderr.write(`witness: ${error.message}\n`);
  process.exitCode = 2;
});
