/** `pvtwin secrets`: what each pCPU could be made to load, by walking its real root. */
import { join } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import { BadInput } from "../abi/bad-input.js";
import { type Vpn, vpn_of_linear } from "../abi/frames.js";
import { readProfile } from "../experiments/costs/profile.js";
import { BASELINE, loadProposal } from "../experiments/evaluate.js";
import { DEFAULT_HOST, hostOf, type HostSpec } from "../experiments/secrets/host-spec.js";
import {
  differences,
  secretClasses,
  secretsOf,
  type SecretsOptions,
} from "../experiments/secrets/secrets.js";
import { staircase } from "../experiments/secrets/staircase.js";
import { DEFAULT_GHZ, weigh } from "../experiments/secrets/weigh.js";
import { writeOutput } from "../experiments/write-output.js";
import { explain } from "../xen-model/layout/explain.js";
import { type Mode, MODES } from "../xen-model/layout/host.js";
import { canonical_vpn, NOT_CANONICAL } from "../xen-model/hw/walk.js";
import { staircasePage } from "./report/staircase-page.js";
import { diffText, explainText, reportText, staircaseText, weighedText } from "./secrets-text.js";

interface Flags {
  readonly memory: number;
  readonly pcpus: number;
  readonly domains: number;
  readonly vcpus: number;
  readonly meltdown: boolean;
  readonly l1tf: boolean;
  readonly eptPublic: boolean;
  readonly diff?: readonly string[];
  readonly explain?: string;
  readonly pcpu: number;
  readonly mode: string;
  readonly staircase: boolean;
  readonly workload?: string;
  readonly out?: string;
  readonly profile: string;
  readonly ghz: number;
  readonly json: boolean;
}

const HELP = `
A speculative load reaches what the tables in %cr3 map for the mode's privilege, whatever R/W and NX say. --meltdown ignores
U/S, so that guest modes reach all that is mapped; --l1tf ignores P: they reach what their pCPU maps in any mode.

Examples:
  pvtwin secrets xpti --meltdown
  pvtwin secrets --diff shared xen-vcpu-root
  pvtwin secrets xpti --explain 0xffff830000000000 --mode guest-kernel
  pvtwin secrets xen-vcpu-root --staircase --out out
  pvtwin secrets linux-per-vcpu --workload recordings/thread_storm.perf.txt.gz
`;

export function register(program: Command): void {
  program
    .command("secrets")
    .description("What each pCPU could be made to load, by walking the root that it has in each mode")
    .argument("[proposal]", "name of a proposal, or YAML file")
    .option("--memory <size>", "memory of the host: 64G, 1T", memory, DEFAULT_HOST.memoryBytes)
    .option("--pcpus <n>", "pCPUs of the host", number(1, 4096), DEFAULT_HOST.pcpus)
    .option(
      "--domains <n>",
      "domains: 64-bit PV, 32-bit PV, HVM in turn",
      number(1, 10000),
      DEFAULT_HOST.domains,
    )
    .option("--vcpus <n>", "vCPUs of each", number(1, 128), DEFAULT_HOST.vcpus)
    .option("--meltdown", "the processor ignores U/S when it speculates", false)
    .option("--l1tf", "the processor ignores P when it speculates", false)
    .option("--ept-public", "EPT pages are no secret", false)
    .option("--diff <proposals...>", "where two proposals differ: <proposal> and one more, or two here")
    .option("--explain <va>", "one address: its walk, whose the frame is, and since when")
    .option("--pcpu <n>", "for --explain: the pCPU", number(0, 4095), 0)
    .option("--mode <mode>", `for --explain: one of ${MODES.join(", ")}`, "xen")
    .option("--staircase", "each step from today's Xen to one that maps no secrets, and its cost", false)
    .option("-o, --out <dir>", "for --staircase: write a page with its plot there")
    .option("-w, --workload <file>", "a recording: exposure weighted by its time, in byte-seconds")
    .option("-p, --profile <name>", "for --workload: what prices the time in Xen", "skylake-pcid")
    .option("--ghz <n>", "for --workload: the processor's clock", ghz, DEFAULT_GHZ)
    .option("--json", "print one JSON document, and nothing else", false)
    .addHelpText("after", HELP)
    .action(async (named: string | undefined, flags: Flags) => {
      const [name, other] = proposalsOf(named, flags.diff);
      const { memory: memoryBytes, pcpus, domains, vcpus, meltdown, l1tf, eptPublic } = flags;
      const host: HostSpec = { memoryBytes, pcpus, domains, vcpus };
      const options: SecretsOptions = { host, speculation: { meltdown, l1tf }, eptPublic };
      const proposal = loadProposal(name);
      if (flags.explain !== undefined) {
        const told = explain(
          hostOf(proposal, host),
          pcpuOf(flags),
          modeOf(flags.mode),
          pageOf(flags.explain),
        );
        return print(flags, told, () => explainText(flags.explain!, told));
      }
      if (flags.staircase) {
        const work =
          flags.workload === undefined
            ? {}
            : { workload: { file: flags.workload, profile: readProfile(flags.profile) } };
        const stairs = await staircase(proposal, loadProposal(BASELINE), { ...options, ...work });
        const classes = secretClasses(options);
        if (flags.out !== undefined)
          writeOutput(join(flags.out, `staircase-${proposal.name}.html`), staircasePage(stairs, classes));
        return print(flags, stairs, () => staircaseText(stairs, classes));
      }
      const report = secretsOf(proposal, options);
      if (other !== undefined) {
        const second = secretsOf(loadProposal(other), options);
        const found = { a: report.proposal, b: second.proposal, differences: differences(report, second) };
        return print(flags, found, () => diffText(found));
      }
      if (flags.workload === undefined) return print(flags, report, () => reportText(report));
      const profile = readProfile(flags.profile);
      const weighed = await weigh(flags.workload, proposal, profile, options, flags.ghz);
      print(
        flags,
        { ...report, weighed },
        () => reportText(report) + weighedText(weighed, report.secretClasses),
      );
    });
}

/** The proposal to look at, and the one to hold against it: `A --diff B` or `--diff A B`. */
function proposalsOf(named: string | undefined, diff: readonly string[] = []): [string, string?] {
  const names = [...(named === undefined ? [] : [named]), ...diff];
  const [name, other] = names;
  if (name === undefined)
    throw new BadInput("secrets", "<proposal>", "is missing", "name a proposal, as: pvtwin secrets xpti");
  if (names.length > 2 || (diff.length > 0 && other === undefined))
    throw new BadInput(
      "secrets",
      "--diff",
      `names ${names.length} of two proposals`,
      "name two, as: --diff shared xpti",
    );
  return [name, other];
}

function print({ json }: Flags, document: object, text: () => string): void {
  process.stdout.write(json ? `${JSON.stringify(document)}\n` : text());
}

const UNITS = { K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 } as const;

function memory(text: string): number {
  const [, digits, unit] = /^(\d+)([KMGT])$/.exec(text) ?? [];
  const bytes = Number(digits) * UNITS[(unit ?? "K") as keyof typeof UNITS];
  if (unit === undefined || bytes < 2 ** 28 || bytes > 2 ** 46)
    throw new InvalidArgumentError("a size from 256M to 64T is needed, as 64G");
  return bytes;
}

function number(low: number, high: number): (text: string) => number {
  return (text) => {
    const n = Number(text);
    if (!Number.isInteger(n) || n < low || n > high)
      throw new InvalidArgumentError(`a whole number from ${low} to ${high} is needed`);
    return n;
  };
}

function ghz(text: string): number {
  const n = Number(text);
  if (!(n >= 0.1 && n <= 10)) throw new InvalidArgumentError("a number from 0.1 to 10 is needed");
  return n;
}

function pcpuOf({ pcpu, pcpus }: Flags): number {
  if (pcpu >= pcpus) throw new BadInput("secrets", "--pcpu", `the host has ${pcpus} pCPUs`, "raise --pcpus");
  return pcpu;
}

function modeOf(text: string): Mode {
  const mode = MODES.find((name) => name === text);
  if (mode === undefined)
    throw new BadInput("secrets", "--mode", `${text} is no mode`, `name one of ${MODES.join(", ")}`);
  return mode;
}

/** The page of a canonical address in hex. */
function pageOf(text: string): Vpn {
  const isHex = /^0x[0-9a-f]{1,16}$/i.test(text);
  const page = isHex ? Number(BigInt(text) >> 12n) : NaN;
  const vpn = isHex ? canonical_vpn(page, 4, 512) : NOT_CANONICAL;
  if (vpn === NOT_CANONICAL)
    throw new BadInput(
      "secrets",
      "--explain",
      `${text} is no canonical address`,
      "give one in hex, as 0xffff830000000000",
    );
  return vpn_of_linear(page);
}
