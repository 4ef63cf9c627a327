/**
 * pvtwin COMMAND: arguments in, tables and JSON out.
 *
 * Each command is one file beside this one that exports `register`. Exit 0: done and holds; 1: done
 * and does not hold; 2: bad usage or bad input, one message, never a stack trace.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type * as Commander from "commander";
import { BadInput } from "../abi/bad-input.js";

interface CommandFile {
  register(program: Commander.Command): void;
  /** Do what the plainest of its arguments ask for, without what it takes to parse others; undefined for those. */
  runPlain?(args: readonly string[]): Promise<void> | undefined;
}

/** Files beside this one, by the commands that they register. */
const COMMANDS = [
  "anchors",
  "check",
  "compat",
  "costs",
  "crossover",
  "evaluate",
  "mm",
  "notes",
  "patches",
  "query",
  "replay",
  "rerun",
  "run",
  "secrets",
  "sweep",
  "trace",
  "walk",
  "worker",
];

/** Run the command line `argv` (without node and script) and return the exit status. */
export async function main(argv: string[]): Promise<number> {
  const [first, ...args] = argv;
  try {
    const plain = isCommand(first) ? load(first).runPlain?.(args) : undefined;
    await (plain ?? parse(argv));
    return Number(process.exitCode ?? 0);
  } catch (error) {
    if (error instanceof BadInput) {
      process.stderr.write(`pvtwin: ${error.message}\n`);
      return 2;
    }
    if (error instanceof Error && error.name === "CommanderError") {
      return (error as Commander.CommanderError).exitCode === 0 ? 0 : 2;
    }
    throw error;
  }
}

async function parse(argv: string[]): Promise<void> {
  const program = newProgram();
  program.description("Prototype a PV pagetable ABI on twin models of Linux and Xen").exitOverride();
  const asked = argv[0] === "help" ? argv[1] : argv[0];
  if (isCommand(asked)) load(asked).register(program);
  else if (!registerListed(program)) for (const name of COMMANDS) load(name).register(program);
  await program.parseAsync(argv, { from: "user" });
}

function isCommand(name: string | undefined): name is string {
  return name !== undefined && COMMANDS.includes(name);
}

/** A command as --help lists it. */
interface Listed {
  readonly name: string;
  readonly term: string;
  readonly description: string;
}

/** What --help lists, from the commands themselves; the build writes it to commands.json beside this file. */
export function listCommands(): Listed[] {
  const program = newProgram();
  for (const name of COMMANDS) load(name).register(program);
  const help = program.createHelp();
  return program.commands.map((command) => ({
    name: command.name(),
    term: help.subcommandTerm(command),
    description: help.subcommandDescription(command),
  }));
}

/** Register what is listed, so that --help need not load all commands; returns false where no build wrote it. */
function registerListed(program: Commander.Command): boolean {
  const file = join(__dirname, "commands.json");
  if (!existsSync(file)) return false;
  const listed = JSON.parse(readFileSync(file, "utf8")) as Listed[];
  for (const { name, description } of listed) program.command(name).description(description);
  const terms = new Map(listed.map(({ name, term }) => [name, term]));
  program.configureHelp({ subcommandTerm: (command) => terms.get(command.name()) ?? "help [command]" });
  return true;
}

/** A command is loaded when it is asked for: what others need takes longer to load than a kernel's notes to read. */
function load(name: string): CommandFile {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- import() does not find .ts in tests
  return require(`./${name}.js`) as CommandFile;
}

function newProgram(): Commander.Command {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- not loaded where it has nothing to do
  const { Command } = require("commander") as typeof Commander;
  return new Command("pvtwin");
}
