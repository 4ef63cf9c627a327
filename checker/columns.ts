/**
 * A counterexample as a table, a column per process that acts, in 72 columns: actions where they happen, and below each
 * what it changed in the state.
 */
import type { Model } from "./model.js";
import type { Counterexample, PropertyResult } from "./outcome.js";

const WIDTH = 72;

/** What one action did. */
export interface PathStep {
  readonly action: number;
  /** Facts of Model.describe() that changed: before and after, empty where there is none. */
  readonly changes: readonly (readonly [fact: string, before: string, after: string])[];
}

/** Take the actions of a counterexample, and tell what each changed. Errors: Error where one is not enabled. */
export function stepsOf(model: Model, { actions }: Counterexample): PathStep[] {
  model.initial();
  let before = model.describe();
  return actions.map((action, i) => {
    if (!model.run(action)) {
      const { name } = model.actions[action] ?? { name: `number ${action}` };
      throw new Error(
        `${model.name}: action ${i + 1}, ${name}, is not enabled; is it a path of another model?`,
      );
    }
    const after = model.describe();
    const facts = new Set([...before.keys(), ...after.keys()]);
    const changes = [...facts]
      .map((fact) => [fact, before.get(fact) ?? "", after.get(fact) ?? ""] as const)
      .filter(([, was, is]) => was !== is);
    before = after;
    return { action, changes };
  });
}

/** The table of a violated property: its sentence, then a line or more per action. */
export function renderCounterexample(model: Model, { name, says, counterexample }: PropertyResult): string {
  const found = counterexample ?? { actions: [] };
  const steps = stepsOf(model, found);
  const acting = model.processes
    .map((_, p) => p)
    .filter((p) => found.actions.some((a) => processOf(model, a) === p));
  const number = String(steps.length).length;
  const width = Math.floor((WIDTH - number - 2 * acting.length) / Math.max(1, acting.length));
  const row = (first: string, column: number, text: string): string[] =>
    wrap(text, width).map((line, i) =>
      `${(i === 0 ? first : "").padStart(number)}${acting
        .map((_, c) => `  ${(c === column ? line : "").padEnd(width)}`)
        .join("")}`.trimEnd(),
    );
  const head = `${" ".repeat(number)}${acting.map((p) => `  ${model.processes[p]!.padEnd(width)}`).join("")}`;
  const lines = [...wrap(`${name}: ${says}`, WIDTH), "", head.trimEnd()];
  steps.forEach(({ action, changes }, i) => {
    if (i === found.loop) lines.push(`${"-".repeat(number)}  from here on again and again:`);
    const column = acting.indexOf(processOf(model, action));
    lines.push(...row(String(i + 1), column, model.actions[action]!.name));
    for (const [fact, was, is] of changes) lines.push(...row("", column, `  ${sayChange(fact, was, is)}`));
  });
  if (found.loop === steps.length) lines.push(`${"-".repeat(number)}  nothing can happen any more`);
  return `${lines.join("\n")}\n`;
}

function sayChange(fact: string, was: string, is: string): string {
  if (was === "") return `${fact}: ${is}`;
  return is === "" ? `${fact}: no more ${was}` : `${fact}: ${was} -> ${is}`;
}

function processOf(model: Model, action: number): number {
  return model.actions[action]!.process;
}

/** Lines of at most `width`, broken at spaces where there are any; the indent of the first is kept. */
function wrap(text: string, width: number): string[] {
  const indent = /^ */.exec(text)![0];
  const lines: string[] = [];
  let line = indent;
  for (const word of text.trim().split(/\s+/)) {
    for (let rest = word; rest !== "";) {
      const gap = line.trim() === "" ? "" : " ";
      if (line.length + gap.length + rest.length <= width) {
        line += gap + rest;
        rest = "";
      } else if (gap !== "") {
        lines.push(line);
        line = indent;
      } else {
        const fits = Math.max(1, width - line.length);
        lines.push(line + rest.slice(0, fits));
        rest = rest.slice(fits);
        line = indent;
      }
    }
  }
  return line.trim() === "" ? lines : [...lines, line];
}
