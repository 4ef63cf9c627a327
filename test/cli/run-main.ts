/** The command line, run in this process, and what it wrote. */
import { expect } from "chai";
import { main } from "../../cli/main.js";

export interface Ran {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

/** Run `pvtwin ARGV`. */
export async function runMain(...argv: string[]): Promise<Ran> {
  const text = { out: "", err: "" };
  const writeOut = process.stdout.write;
  const writeErr = process.stderr.write;
  process.stdout.write = (chunk: string | Uint8Array) => ((text.out += String(chunk)), true);
  process.stderr.write = (chunk: string | Uint8Array) => ((text.err += String(chunk)), true);
  try {
    return { status: await main(argv), ...text };
  } finally {
    process.stdout.write = writeOut;
    process.stderr.write = writeErr;
    process.exitCode = undefined; // of mocha, not of the command
  }
}

/** Run `pvtwin ARGV` in `folder`. */
export async function runMainIn(folder: string, ...argv: string[]): Promise<Ran> {
  const before = process.cwd();
  process.chdir(folder);
  try {
    return await runMain(...argv);
  } finally {
    process.chdir(before);
  }
}

/** The one message of a `pvtwin ARGV` that refuses its input: exit status 2, and nothing else is written. */
export async function refusal(...argv: string[]): Promise<string> {
  const { status, out, err } = await runMain(...argv);
  expect([status, out], argv.join(" ")).to.deep.equal([2, ""]);
  expect(err).to.match(/^pvtwin: .*\n$/);
  return err.slice("pvtwin: ".length, -1);
}
