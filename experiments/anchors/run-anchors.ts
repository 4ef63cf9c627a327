/** Runs the experiments behind the anchors. Ratios, differences and percentages, never absolute seconds. */
import { isAbsolute } from "node:path";
import type { EventName } from "../../abi/events.js";
import type { EventCounts } from "../../abi/ledger.js";
import { BUNDLED, dataFolder } from "../bundled.js";
import { type Profile, readProfile } from "../costs/profile.js";
import { boundsOf, coefficientsOf } from "../costs/terms.js";
import { loadProposal } from "../evaluate.js";
import type { Bracket } from "../results.js";
import { runWorkload, workloadName } from "../run/run-workload.js";
import type { Anchor, ExperimentOf } from "./anchor.js";
import { recordedSteps, scriptCounts } from "./step-work.js";

export interface AnchorResult {
  readonly name: string;
  readonly title: string;
  readonly source: string;
  readonly conditions: string;
  readonly published: Anchor["published"];
  /** The twins' answer, in the unit of `published`; null where no part of them stands for it. */
  readonly modelled: Bracket | null;
  /** What the answer was taken from, in a few words. */
  readonly from: string;
  readonly band: Anchor["band"];
  readonly because: string;
  /** The likely answer is in the band. */
  readonly inBand: boolean;
  /** Why not. */
  readonly reason?: string;
}

/** Run all, in their order. Errors: BadInput. */
export async function runAnchors(
  anchors: readonly Anchor[],
  onProgress: (done: number) => void = () => undefined,
): Promise<AnchorResult[]> {
  const runner = new AnchorRunner();
  const results: AnchorResult[] = [];
  for (const anchor of anchors) {
    const { modelled, from } = await runner.run(anchor);
    const { name, title, conditions, published, band, because, reason } = anchor;
    const inBand = modelled !== null && modelled.likely >= band.low && modelled.likely <= band.high;
    const told = inBand || reason === undefined ? {} : { reason };
    const source = `[${anchor.source.id}] ${anchor.source.text}`;
    results.push({
      name,
      title,
      source,
      conditions,
      published,
      modelled,
      from,
      band,
      because,
      inBand,
      ...told,
    });
    onProgress(results.length);
  }
  return results;
}

interface Answer {
  readonly modelled: Bracket | null;
  readonly from: string;
}

class AnchorRunner {
  private readonly runs = new Map<string, Promise<EventCounts>>();
  private readonly steps = new Map<string, ReturnType<typeof recordedSteps>>();
  private readonly exact = readProfile("instructions");

  async run({ name, experiment }: Anchor): Promise<Answer> {
    switch (experiment.kind) {
      case "script":
        return this.script(name, experiment);
      case "steps":
        return this.recorded(experiment);
      case "saving":
        return this.saving(experiment);
      case "saving-ratio":
        return this.savingRatio(experiment);
      case "events":
        return ofEvents(experiment);
      case "none":
        return { modelled: null, from: "nothing in the twins stands for it" };
    }
  }

  private script(name: string, experiment: ExperimentOf<"script">): Answer {
    const { before, after, times, callsMore } = experiment;
    const moreOf = (work: ExperimentOf<"script">): number => {
      const [less, more] = [before, after].map((proposal) =>
        this.instructions(scriptCounts(name, work, proposal)),
      );
      return more! - less!;
    };
    const call = { ...experiment, steps: [{ op: "syscalls", task: "t0", calls: 1 }], step: 0 };
    const modelled = exactly(moreOf(experiment) / times - (callsMore === 0 ? 0 : callsMore * moreOf(call)));
    return { modelled, from: `a step of an mm script, ${after} less ${before}` };
  }

  private instructions(counts: EventCounts): number {
    return boundsOf(this.exact, coefficientsOf(this.exact, counts)).likely;
  }

  private recorded(experiment: ExperimentOf<"steps">): Answer {
    const { proposal, select, quantity } = experiment;
    const file = isAbsolute(experiment.file) ? experiment.file : dataFolder(experiment.file);
    const key = `${file} ${proposal} ${select}`;
    const steps = this.steps.get(key) ?? recordedSteps({ file, proposal, select });
    this.steps.set(key, steps);
    const ratios = steps
      .map(({ counts, executed }) => this.instructions(counts) / executed)
      .sort((a, b) => a - b);
    const value =
      quantity === "median"
        ? ratios[Math.floor(ratios.length / 2)]!
        : ratios.filter((ratio) => ratio > 0.9 && ratio < 1.1).length / ratios.length;
    return { modelled: exactly(value), from: `${steps.length} steps of recorded scripts under ${proposal}` };
  }

  private async saving(experiment: ExperimentOf<"saving">): Promise<Answer> {
    const { recording, from, to, without, guestKernel } = experiment;
    const [before, saved] = await this.saved(recording, { from, to }, without);
    const kernel = boundsOf(before.profile, kernelWork(before.profile, before.counts, guestKernel));
    const base = before.cycles;
    const modelled = {
      low: (100 * saved.low) / (base.high + kernel.high),
      likely: (100 * saved.likely) / (base.likely + kernel.likely),
      high: (100 * saved.high) / (base.low + kernel.low),
    };
    return { modelled, from: `${recording}: ${say(from)} to ${say(to)}` };
  }

  private async savingRatio({
    recording,
    first,
    second,
    without,
  }: ExperimentOf<"saving-ratio">): Promise<Answer> {
    const [, a] = await this.saved(recording, first, without);
    const [, b] = await this.saved(recording, second, without);
    const modelled = { low: a.low / b.high, likely: a.likely / b.likely, high: a.high / b.low };
    return {
      modelled: b.low > 0 ? modelled : { ...modelled, low: 0, high: Infinity },
      from: `${recording}: ${say(first.from)} to ${say(first.to)}, against ${say(second.from)} to ${say(second.to)}`,
    };
  }

  /**
   * What `from` costs, and what `to` saves.
   *
   * Differs: both at the prices of `from`, as it is one machine; a write of CR3 that keeps the TLB is cheaper, if at all.
   */
  private async saved(
    recording: string,
    { from, to }: { from: Setting; to: Setting },
    without: readonly EventName[],
  ): Promise<[{ profile: Profile; counts: EventCounts; cycles: Bracket }, Bracket]> {
    const profile = readProfile(from.profile);
    const counts = leaveOut(await this.counts(recording, from, profile), without);
    const others = leaveOut(await this.counts(recording, to, readProfile(to.profile)), without);
    const times = coefficientsOf(profile, counts);
    const less = coefficientsOf(profile, others);
    const saved = boundsOf(
      profile,
      times.map((n, t) => n - less[t]!),
    );
    return [{ profile, counts, cycles: boundsOf(profile, times) }, saved];
  }

  private counts(
    recording: string,
    { proposal, profile }: Setting,
    { machine }: Profile,
  ): Promise<EventCounts> {
    const key = `${recording} ${proposal} ${profile}`;
    const known = this.runs.get(key) ?? countsOf(recording, proposal, machine);
    this.runs.set(key, known);
    return known;
  }
}

type Setting = ExperimentOf<"saving">["from"];

async function countsOf(
  recording: string,
  proposal: string,
  machine: Profile["machine"],
): Promise<EventCounts> {
  const file = BUNDLED.find((path) => workloadName(path) === recording) ?? recording;
  const { outcomes } = await runWorkload({
    file,
    proposals: [loadProposal(proposal)],
    machine,
    strict: false,
  });
  return outcomes[0]!.counts;
}

function ofEvents(experiment: ExperimentOf<"events">): Answer {
  const { more, base, baseInstructions, perSecond, hertz } = experiment;
  const profile = readProfile(experiment.profile);
  const added = boundsOf(profile, coefficientsOf(profile, more));
  if (perSecond !== undefined && hertz !== undefined) {
    const share = (100 * perSecond) / hertz;
    const modelled = { low: share * added.low, likely: share * added.likely, high: share * added.high };
    return { modelled, from: `events written out, ${perSecond} times a second at ${hertz / 1e9} GHz` };
  }
  const rest = boundsOf(profile, coefficientsOf(profile, base));
  const each = profile.constants.cycles_per_instruction;
  const of = (end: keyof Bracket, other: keyof Bracket) =>
    (100 * added[end]) / (added[end] + rest[other] + baseInstructions * each[other]);
  return {
    modelled: { low: of("low", "high"), likely: of("likely", "likely"), high: of("high", "low") },
    from: "events written out",
  };
}

/** Coefficients of the guest kernel's own instructions. */
function kernelWork(
  profile: Profile,
  counts: EventCounts,
  each: Partial<Record<EventName, number>>,
): Float64Array {
  const times = coefficientsOf(profile, {});
  for (const [event, n] of Object.entries(each) as [EventName, number][])
    times[0]! += n * (counts[event] ?? 0);
  return times;
}

function leaveOut(counts: EventCounts, events: readonly EventName[]): EventCounts {
  const rest = { ...counts };
  for (const event of events) delete rest[event];
  return rest;
}

function exactly(value: number): Bracket {
  return { low: value, likely: value, high: value };
}

function say({ proposal, profile }: Setting): string {
  return `${proposal} (${profile})`;
}
