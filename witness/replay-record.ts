/**
 * What the replayer printed, as results in the recordings' form (experiments/replay/script.ts).
 *
 * Lines of Xen's audit between two results belong to the second; frames in them get the script's names.
 */
import { BadInput } from "../abi/bad-input.js";
import { errnoName } from "../abi/errno.js";
import type { Op, Script } from "../experiments/replay/script.js";
import { isPlayed, isSkipped, POOL_PFN } from "./replay-text.js";

type Result = Record<string, unknown>;

/** `scripts` with what `text`, the serial line, says of them. Errors: BadInput where the guest ended before that. */
export function recordedScripts(scripts: readonly Script[], text: string, where: string): Script[] {
  const blocks = blocksOf(text);
  return scripts.map((script) => {
    const block = blocks.get(script.name);
    const played = script.ops.filter(isPlayed);
    if (block === undefined || block.results.length < played.length)
      throw new BadInput(
        where,
        script.name,
        "the guest ended before it was done",
        "see the last lines of the console",
      );
    let next = 0;
    const ops = script.ops.map((op): Op => {
      if (!isPlayed(op)) return { ...op, result: isSkipped(op) ? op.result : { skipped: "not_played" } };
      const { said, log } = block.results[next++]!;
      const result = resultOf(op, said);
      return {
        ...op,
        result: log.length === 0 ? result : { ...result, log: log.map((line) => named(line, block)) },
      };
    });
    return { ...script, ops };
  });
}

interface Block {
  /** Name of a frame by its number, in hexadecimal. */
  readonly frames: Map<string, string>;
  readonly results: { said: string; log: string[] }[];
}

/** By script: its frames, and results with what Xen's audit said before each. */
function blocksOf(text: string): Map<string, Block> {
  const blocks = new Map<string, Block>();
  let block: Block | undefined;
  let log: string[] = [];
  for (const raw of text.split("\n")) {
    const line = raw.replace(/\r/g, "");
    const [, name] = /^@@ script (\S+)$/.exec(line) ?? [];
    const [, frame, mfn] = /^@@ frame (\S+) ([0-9a-f]+)$/.exec(line) ?? [];
    const [, refusal] = /^\(XEN\) (d\d+v\d+ .* refused: .*)$/.exec(line) ?? [];
    if (line.startsWith("@@ reset")) block = undefined;
    else if (name !== undefined) {
      block = { frames: new Map(), results: [] };
      blocks.set(name, block);
      log = [];
    } else if (mfn !== undefined) block?.frames.set(mfn, frame!);
    else if (refusal !== undefined) log.push(refusal);
    else if (line.startsWith("@= ")) {
      block?.results.push({ said: line.slice("@= ".length), log });
      log = [];
    }
  }
  return blocks;
}

function named(line: string, { frames }: Block): string {
  return line.replace(/(?<=mfn )0*([0-9a-f]+)/, (number, mfn: string) => frames.get(mfn) ?? number);
}

/** "-22 0", "0; 0; -22 0", "ok", "ok p1|0x67", "ok 3=p1|0x67", "ok 0x403", "fault 14 0x3 0xffffffff80400000". */
function resultOf(op: Op, said: string): Result {
  const [word, ...rest] = said.split(" ") as [string, ...string[]];
  if (word === "fault") return { fault: { vector: Number(rest[0]), error: rest[1], cr2: rest[2] } };
  if (word === "ok") return { ok: true, ...found(op, rest) };
  if (op.op !== "multicall") return callResult(said);
  const [rc, ...calls] = said.split(";") as [string, ...string[]];
  return { ...callResult(rc), calls: calls.map(callResult) };
}

function callResult(said: string): Result {
  const [rc, done] = said.trim().split(" ") as [string, string?];
  const code = Number(rc);
  return {
    rc: code,
    ...(code < 0 ? { err: errnoName(code) } : {}),
    ...(done === undefined ? {} : { done: done === "-" ? null : Number(done) }),
  };
}

/** Pages of the pool that the guest has. */
const POOL_PAGES = 512;

function found(op: Op, words: readonly string[]): Result {
  switch (op.op) {
    case "dump":
      return { entries: Object.fromEntries(words.map((word) => word.split("=") as [string, string])) };
    case "m2p": {
      const page = BigInt(words[0]!) - BigInt(POOL_PFN);
      return { gpfn: page >= 0n && page < BigInt(POOL_PAGES) ? `p${page}` : words[0] };
    }
    case "read":
    case "probe_read":
      return { value: words[0] };
    default:
      return {};
  }
}
