/**
 * pvtwin COMMAND: arguments in, tables and JSON out.
 *
 * Each command is one file beside this one that exports `register`. Exit 0: done and holds; 1: done
 * and does not hold; 2: bad usage or bad input, one message, never a stack trace.
 */
import { Command, CommanderError } from "commander";
import { BadInput } from "../abi/bad-input.js";
import { register as compat } from "./compat.js";
import { register as evaluate } from "./evaluate.js";
import { register as mm } from "./mm.js";
import { register as notes } from "./notes.js";
import { register as replay } from "./replay.js";
import { register as run } from "./run.js";
import { register as trace } from "./trace.js";
import { register as walk } from "./walk.js";

type Register = (program: Command) => void;

const COMMANDS: Register[] = [compat, evaluate, mm, notes, replay, run, trace, walk];

/** Run the command line `argv` (without node and script) and return the exit status. */
export async function main(argv: string[]): Promise<number> {
  const program = new Command("pvtwin");
  program.description("Prototype a PV pagetable ABI on twin models of Linux and Xen").exitOverride();
  for (const register of COMMANDS) register(program);
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
