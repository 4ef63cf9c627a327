/** `pvtwin costs`: what a cost profile says one thing costs, and where it has that from. */
import type { Command } from "commander";
import { explainPrice, priceOf } from "../experiments/costs/price.js";
import { CONSTANTS, knownProfiles, type Profile, readProfile } from "../experiments/costs/profile.js";
import type { EventName } from "../abi/events.js";
import { si } from "./numbers.js";
import { wrap } from "./wrap.js";

export function register(program: Command): void {
  program
    .command("costs")
    .description("Print the constants of a cost profile, each with its bracket, source and conditions")
    .argument("[profile]", "name of a profile, or YAML file", "skylake-pcid")
    .option("--events", "print what one event of each kind costs, too", false)
    .option("--json", "print one JSON document, and nothing else", false)
    .addHelpText("after", "\nExample:\n  pvtwin costs amd-zen --events\n")
    .action((name: string, flags: { json: boolean; events: boolean }) => {
      const profile = readProfile(name);
      process.stdout.write(flags.json ? `${JSON.stringify(documentOf(profile))}\n` : text(profile, flags));
    });
}

function documentOf(profile: Profile): object {
  const { name, title, conditions, unit, machine, correlated, instructions } = profile;
  return {
    name,
    title,
    conditions,
    unit,
    machine,
    constants: CONSTANTS.map((constant) => ({ name: constant, ...profile.constants[constant] })),
    correlated,
    instructions: { name: instructions.name, title: instructions.title, source: instructions.source },
    events: eventsOf(profile).map(({ event, price, how }) => ({ event, ...price, how })),
  };
}

function eventsOf(profile: Profile) {
  const { events } = profile.instructions;
  return (Object.keys(events) as EventName[]).map((event) => ({
    event,
    price: priceOf(profile, event)!,
    how: explainPrice(events[event]!),
  }));
}

function text(profile: Profile, { events }: { events: boolean }): string {
  const { name, title, conditions, instructions, correlated } = profile;
  const lines = [`${name}: ${title}`, "", ...wrap(conditions, 76), ""];
  lines.push(row("constant", "low", "likely", "high", "unit"));
  for (const constant of CONSTANTS) {
    const { low, likely, high, unit, source, conditions: under } = profile.constants[constant];
    lines.push(row(constant, low, likely, high, unit));
    lines.push(...wrap(source, 72).map((line) => `    ${line}`));
    lines.push(...wrap(`(${under})`, 72).map((line) => `    ${line}`));
  }
  for (const group of correlated) lines.push("", ...wrap(`High or low together: ${group.join(", ")}.`, 76));
  lines.push("", `Events: ${instructions.title}.`, ...wrap(instructions.source, 76));
  if (events) {
    lines.push("", row("event", "low", "likely", "high", ""));
    for (const { event, price, how } of eventsOf(profile)) {
      lines.push(row(event, si(price.low), si(price.likely), si(price.high), ""));
      lines.push(...wrap(how, 72).map((line) => `    ${line}`));
    }
  }
  lines.push("", `Profiles that come along: ${knownProfiles().join(", ")}.`);
  return `${lines.map((line) => line.trimEnd()).join("\n")}\n`;
}

function row(
  name: string,
  low: number | string,
  likely: number | string,
  high: number | string,
  unit: string,
) {
  return `${name.padEnd(28)}${[low, likely, high].map((n) => String(n).padStart(9)).join("")}  ${unit}`;
}
