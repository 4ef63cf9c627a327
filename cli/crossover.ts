/** `pvtwin crossover`: from which rate on is the other proposal cheaper? */
import { type Command, InvalidArgumentError } from "commander";
import { z } from "zod";
import { BadInput } from "../abi/bad-input.js";
import { readProfile } from "../experiments/costs/profile.js";
import { type Axis, type Crossover, findCrossover, type Point } from "../experiments/crossover.js";
import { loadProposal } from "../experiments/evaluate.js";
import { RATES } from "../experiments/sweep/spec.js";
import { signedSi, si } from "./numbers.js";

const AXES = Object.keys(RATES).filter((name) => name !== "placement");

export function register(program: Command): void {
  program
    .command("crossover")
    .description("Find the rate of events at which the cheaper one of two proposals changes")
    .argument("<a>", "name of a proposal, or YAML file")
    .argument("<b>", "another one")
    .requiredOption("--over <parameter>", `what grows: ${AXES.join(", ")}`)
    .option("--from <n>", "from here", number, 0)
    .requiredOption("--to <n>", "to here", number)
    .option("--with <name=value...>", "the other parameters of the work")
    .option("-p, --profile <name>", "cost profile, by name or YAML file", "skylake-pcid")
    .option("--seed <n>", "of the work and of the draws of the prices", number, 0)
    .option("--json", "print one JSON document, and nothing else", false)
    .addHelpText(
      "after",
      "\nExample:\n  pvtwin crossover linux-per-thread-unlazy linux-per-vcpu --over sameMmSwitches --to 2000 --with threads=8 slotChurn=20 syscalls=1000\n",
    )
    .action((a: string, b: string, flags: Flags) => {
      if (!AXES.includes(flags.over))
        throw new BadInput("--over", flags.over, "is no parameter", `take one of ${AXES.join(", ")}`);
      const over = flags.over as Axis;
      if (flags.from >= flags.to)
        throw new BadInput("--to", String(flags.to), "is not above --from", "give a range");
      // both ends have to be as the parameter's rules say
      for (const end of [flags.from, flags.to]) workOf(flags.with ?? [], over, end);
      const found = findCrossover({
        a: loadProposal(a),
        b: loadProposal(b),
        over,
        low: flags.from,
        high: flags.to,
        work: workOf(flags.with ?? [], over, flags.from),
        profile: readProfile(flags.profile),
        seed: flags.seed,
      });
      process.stdout.write(flags.json ? `${JSON.stringify(found)}\n` : text(found));
    });
}

interface Flags {
  readonly over: string;
  readonly from: number;
  readonly to: number;
  readonly with?: string[];
  readonly profile: string;
  readonly seed: number;
  readonly json: boolean;
}

function workOf(pairs: readonly string[], over: Axis, value: number) {
  const given = pairs.map((pair) => {
    const [, name, text] = /^(\w+)=(.+)$/.exec(pair) ?? [];
    if (name === undefined) throw new BadInput("--with", pair, "is no name=value", "write threads=8");
    return [name, name === "placement" ? text : Number(text)];
  });
  const parsed = z.strictObject(RATES).safeParse({ ...Object.fromEntries(given), [over]: value });
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new BadInput("--with", issue!.path.join("."), issue!.message, "see experiments/sweep/spec.ts");
}

/** The difference at each point, drawn from p5 to p95 on one axis, zero marked. */
function text({ a, b, over, points, at, from, to }: Crossover): string {
  const edge = Math.max(...points.flatMap(({ p5, p95 }) => [Math.abs(p5), Math.abs(p95)])) || 1;
  const column = (value: number) => Math.round((WIDTH / 2) * (1 + value / edge));
  const bar = ({ p5, likely, p95 }: Point): string => {
    const cells: string[] = Array.from({ length: WIDTH + 1 }, (_, i) => (i === WIDTH / 2 ? "|" : " "));
    for (let i = column(p5); i <= column(p95); i++) cells[i] = "-";
    cells[column(likely)] = "o";
    return cells.join("").trimEnd();
  };
  const rows = points.map((point) => {
    const left = [si(Number(point.x.toPrecision(3))), signedSi(point.likely)];
    return `${left[0]!.padStart(9)} ${left[1]!.padStart(10)}  ${bar(point)}`.trimEnd();
  });
  const open = from === null && to === null ? "" : `; ${wordsOf(from, to)}`;
  const verdict =
    at === null
      ? `${points[0]!.likely > 0 ? b : a} is cheaper all the way, by likely prices${open}.`
      : `${points[0]!.likely > 0 ? b : a} is cheaper below ${si(Number(at.toPrecision(3)))}, ${points[0]!.likely > 0 ? a : b} above${open}.`;
  return [
    `${a} less ${b}, cycles a second, over ${over}: o likely, --- 5th to 95th percentile of the draws`,
    ...rows,
    verdict,
    "",
  ].join("\n");
}

const WIDTH = 48;

function wordsOf(from: number | null, to: number | null): string {
  const say = (x: number | null) => (x === null ? "beyond the range" : si(Number(x.toPrecision(3))));
  return `nine of ten draws put the change between ${say(from)} and ${say(to)}`;
}

function number(text: string): number {
  const n = Number(text);
  if (!Number.isFinite(n) || n < 0) throw new InvalidArgumentError("a number from 0 up is needed");
  return n;
}
