/**
 * pvtwin COMMAND: arguments in, tables and JSON out.
 *
 * Each command is one file beside this one that exports `register`. Exit 0: done and holds; 1: done
 * and does not hold; 2: bad usage or bad input, one message, never a stack trace.
 */
import { Command, CommanderError } from "commander";
import { BadInput } from "../abi/bad-input.js";

interface CommandFile {
  register(program: Command): void;
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
  const program = new Command("pvtwin");
  program.description("Prototype a PV pagetable ABI on twin models of Linux and Xen").exitOverride();
  const [asked] = argv;
  const wanted = asked !== undefined && COMMANDS.includes(asked) ? [asked] : COMMANDS;
  for (const name of wanted) load(name).register(program);
  try {
    await program.parseAsync(argv, { from: "user" });
    return Number(process.exitCode ?? 0);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (error instanceof BadInput) {
      process.stderr.write(`pvtwin: ${error.message}\n`);
      return 2;
    }
    throw error;
  }
}

/** A command is loaded when it is asked for: what others need takes longer to load than a kernel's notes to read. */
function load(name: string): CommandFile {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- import() does not find .ts in tests
  return require(`./${name}.js`) as CommandFile;
}
