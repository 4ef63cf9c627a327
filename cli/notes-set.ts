/** `pvtwin notes set`: a kernel image with a feature set or removed. */
import type { Command } from "commander";
import { BadInput } from "../abi/bad-input.js";
import { XENFEAT } from "../abi/features.js";
import { readImage } from "../elfnotes/read-image.js";
import type { FeatureEdit } from "../elfnotes/write/feature-edit.js";
import { featureNameOf, proposalFlags } from "./feature-names.js";

interface Options {
  readonly feature: string;
  readonly required: boolean;
  readonly remove: boolean;
  readonly proposal?: string;
  readonly out: string;
  readonly json: boolean;
}

export function registerSet(notes: Command): void {
  notes
    .command("set")
    .description("Write the image with a feature in its notes set, or removed")
    .argument("<file>", "vmlinux or bzImage; - for standard input")
    .requiredOption("--feature <name>", "of XENFEAT_* or of a proposal; another one goes into FEATURES")
    .option("--required", "a Xen that does not know it is to refuse the image", false)
    .option("--remove", "remove the feature; what was set comes off to the byte", false)
    .option("--proposal <name>", "a proposal, or its YAML file, that says how the feature is advertised")
    .requiredOption("--out <file>", "where the image goes")
    .configureHelp({ showGlobalOptions: true }) // --json is that of `notes`
    .action((file: string, _: unknown, command: Command) => set(file, command.optsWithGlobals<Options>()));
}

async function set(file: string, options: Options): Promise<void> {
  const { feature, required, remove, out, json } = options;
  if (required && remove) {
    throw new BadInput("--remove", "", "does not go with --required", "give one of them");
  }
  // Loaded here, since whoever reads notes waits for what this file loads.
  const { setFeature } = await import("../elfnotes/write/set-feature.js");
  const { wayOf } = await import("../elfnotes/write/feature-edit.js");
  const { writeOutput } = await import("../experiments/write-output.js");
  const image = await readImage(file);
  const edit: FeatureEdit = {
    ...featureNameOf(feature, image, await proposalFlags(options.proposal)),
    state: remove ? "removed" : required ? "required" : "supported",
  };
  const edited = await setFeature(image, edit);
  writeOutput(out, edited.data);
  const changed = Buffer.compare(edited.data, image.bytes.data) !== 0;
  const remarks = [...edited.remarks, ...remarksOn(edit)];
  if (json) {
    const { name, state } = edit;
    const document = { file: image.file, out, feature: name, state, by: wayOf(edit), changed, remarks };
    process.stdout.write(`${JSON.stringify(document)}\n`);
    return;
  }
  const said = remove ? `${feature} removed` : `${feature} ${edit.state}, by ${wayOf(edit)}`;
  process.stdout.write(`${out}: ${changed ? said : `${said}: the image said so already`}\n`);
  for (const remark of remarks) process.stdout.write(`  ${remark}\n`);
}

/** What Xens that are in use make of it. */
function remarksOn({ name, state, way }: FeatureEdit): string[] {
  if (state === "removed") return [];
  const known = XENFEAT.some((feature) => feature.inFeaturesNote && feature.name === name);
  if (state === "required" && !known) {
    return [`Xen up to master does not know !${name}, and refuses the image`];
  }
  return way === "features-string" && !known
    ? [
        `Xen from 4.2 to master skips ${name}; Xen 4.1 and older refuse an image with a name that they do not know`,
      ]
    : [];
}
