/** The staircase of a proposal as a page: how much is in reach after each step, and what each step costs. */
import type { Staircase, StairStep } from "../../experiments/secrets/staircase.js";
import type { SecretClass } from "../../xen-model/layout/census.js";
import { bytes, signedPercent, signedSi } from "../numbers.js";
import { html, Html } from "./html.js";
import { coordinate, drawPlot, type PlotRow } from "./plot.js";
import { scaleFor } from "./scale.js";
import { STYLE } from "./style.js";

const HALF = 7;

/** A whole document, for a file. `classes`: those that are secrets. */
export function staircasePage(staircase: Staircase, classes: readonly SecretClass[]): string {
  const { proposal, workload, steps } = staircase;
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${proposal}: the staircase to a secret-free Xen</title>
        ${new Html(`<style>${STYLE}</style>`)}
      </head>
      <body>
        <h1>${proposal}: the staircase to a secret-free Xen</h1>
        <p class="lead">
          Bytes of secrets that a pCPU reaches in Xen or idle, at most, after each step.
          ${workload === null ? "" : `Cycles: against the step before, on ${workload}.`}
        </p>
        ${plot(staircase)} ${table(steps, classes)}
      </body>
    </html>`;
  return `${page.text}\n`;
}

function plot({ proposal, steps }: Staircase): Html {
  const taken = steps.filter(({ impossible }) => impossible === undefined);
  const amounts = taken.map(({ secretBytes }) => secretBytes);
  const scale = scaleFor([0, ...amounts], amounts);
  const rows = taken.map(({ name, secretBytes }, i): PlotRow => ({
    name: `${i}. ${name}`,
    value: bytes(secretBytes),
    tip: `${name}: ${bytes(secretBytes)}`,
    mark: (x, y) =>
      html`<rect
        class="memory-xen"
        x="${coordinate(x(0))}"
        y="${y - HALF}"
        width="${coordinate(x(secretBytes) - x(0))}"
        height="${2 * HALF}"
      />`,
  }));
  return drawPlot({
    id: "staircase",
    title: `Secrets in reach, ${proposal}`,
    description: rows.map(({ tip }) => tip).join(". "),
    rows,
    scale,
    tick: bytes,
    axis: `bytes of secrets in reach (${scale.kind})`,
  });
}

function table(steps: readonly StairStep[], classes: readonly SecretClass[]): Html {
  return html`<div class="scroll">
    <table>
      <thead>
        <tr>
          <th>step</th>
          ${classes.map((name) => html`<th class="num">${name}</th>`)}
          <th class="num">cycles</th>
          <th>not in it</th>
        </tr>
      </thead>
      <tbody>
        ${steps.map((step) => row(step, classes))}
      </tbody>
    </table>
  </div>`;
}

function row(step: StairStep, classes: readonly SecretClass[]): Html {
  if (step.impossible !== undefined)
    return html`<tr>
      <td>${step.name}</td>
      <td colspan="${classes.length + 2}">${step.impossible}</td>
    </tr>`;
  return html`<tr>
    <td>${step.name}</td>
    ${classes.map((name) => html`<td class="num">${bytes(step.classes[name] ?? 0)}</td>`)}
    <td class="num">
      ${step.cycles === null ? "" : `${signedSi(step.cycles.likely)} (${signedPercent(step.percent!.likely)})`}
    </td>
    <td>${step.notCounted ?? ""}</td>
  </tr>`;
}
