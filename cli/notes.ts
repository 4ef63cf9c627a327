/** `pvtwin notes`: what a kernel image tells Xen, and what Xen makes of it. */
import type { Command } from "commander";
import { machineName } from "../elfnotes/elf.js";
import { type GuestKind, whyNotLoaded } from "../elfnotes/note-check.js";
import { type ImageNotes, readImageNotes } from "../elfnotes/read-image.js";
import { withProposalNames } from "./feature-names.js";
import { registerSet } from "./notes-set.js";

export function register(program: Command): void {
  const notes = program
    .command("notes")
    .description("Show the Xen notes of a kernel image")
    .argument("<file>", "vmlinux, compressed vmlinux or bzImage; - for standard input")
    .option("--json", "print one JSON document, and nothing else", false)
    .addHelpText(
      "after",
      "\nExamples:\n  pvtwin notes /boot/vmlinuz-6.1.0-56-amd64\n" +
        "  pvtwin notes set /boot/vmlinuz-6.1.0-56-amd64 --feature exclusive_l4 --out out/vmlinuz\n",
    )
    .action((file: string, { json }: { json: boolean }) => show(file, json));
  registerSet(notes);
}

/** FILE, or FILE --json: whoever scans a folder of kernels waits for what is loaded. */
export function runPlain([file, json, ...others]: readonly string[]): Promise<void> | undefined {
  if (file === undefined || file.startsWith("-") || file === "set" || file === "help") return undefined;
  if (others.length > 0 || (json !== undefined && json !== "--json")) return undefined;
  return show(file, json !== undefined);
}

async function show(file: string, json: boolean): Promise<void> {
  const image = await readImageNotes(file);
  const features = {
    supported: await withProposalNames(image.features.supported),
    required: await withProposalNames(image.features.required),
  };
  process.stdout.write(json ? `${JSON.stringify(toJson(image, features))}\n` : render(image, features));
}

const KINDS: readonly (readonly [key: string, name: string, kind: GuestKind])[] = [
  ["pv", "PV guest", "pv"],
  ["pvDom0", "PV dom0", "pv dom0"],
  ["pvh", "PVH guest", "pvh"],
];

/** Names, with those that proposals give to bits. */
interface FeatureNames {
  readonly supported: readonly string[];
  readonly required: readonly string[];
}

/** The document of --json. Offsets are of the unpacked ELF image. */
function toJson(image: ImageNotes, { supported, required }: FeatureNames): object {
  const { unknown } = image.features;
  const loads = KINDS.map(([key, , kind]) => {
    const reason = whyNotLoaded(image, kind);
    return [key, reason === undefined ? { loads: true } : { loads: false, reason }];
  });
  return {
    file: image.file,
    format: image.format,
    compression: image.compression,
    bits: image.elf.bits,
    machine: machineName(image.elf.machine),
    source: image.source,
    notes: image.notes.map(({ type, name, value, remark, raw }) => ({
      type,
      name,
      value,
      ...(remark === "" ? {} : { remark }),
      ...(raw === undefined ? {} : { offset: raw.offset, desc: Buffer.from(raw.desc).toString("hex") }),
    })),
    features: { supported, required, unknown },
    loads: Object.fromEntries(loads) as object,
  };
}

function render(image: ImageNotes, names: FeatureNames): string {
  const { elf, format, compression, source, notes, features } = image;
  const packed = compression === "none" ? "" : `, ${compression}`;
  const lines = [`${image.file}: ${format}${packed}, ${elf.bits}-bit ${machineName(elf.machine)}`];
  if (notes.length > 0) lines.push("", ...table(image));
  else lines.push(source === "__xen_guest" ? "__xen_guest is empty" : "no Xen notes");
  lines.push(
    "",
    `supported: ${names.supported.join(" ") || "-"}`,
    `required:  ${names.required.join(" ") || "-"}`,
    ...features.unknown.map(({ name, note, xen417 }) => `${name} (${note}): Xen 4.17 ${xen417}`),
    "",
    ...KINDS.map(([, name, kind]) => {
      const reason = whyNotLoaded(image, kind);
      return `Xen 4.17 as ${name}: ${reason === undefined ? "loads" : `does not load: ${reason}`}`;
    }),
  );
  return lines.map((line) => `${printable(line)}\n`).join("");
}

function table({ source, notes }: ImageNotes): string[] {
  const nameWidth = Math.max(...notes.map(({ name }) => name.length));
  const rows = notes.map(({ type, name, value, remark }) => {
    const said = remark === "" ? value : `${value}  (${remark})`;
    return `${String(type ?? "-").padStart(4)}  ${name.padEnd(nameWidth)}  ${said}`;
  });
  return [`type  ${"name".padEnd(nameWidth)}  value (from ${source})`, ...rows];
}

/** Names and values come from the file; what could command a terminal is not sent to it. */
function printable(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replace(/[\0-\x1f\x7f-\x9f]/g, "?");
}
