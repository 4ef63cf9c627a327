/** The staircase of a proposal as a page: how much is in reach after each step, and what each step costs. */
import type { Staircase, StairStep } from "../../experiments/secrets/staircase.js";
import type { SecretClass } from "../../xen-model/layout/census.js";
import { bytes, signedPercent, signedSi } from "../numbers.js";
import { effect } from "../secrets-text.js";
import { html, Html } from "./html.js";
import { coordinate, drawPlot, type PlotRow } from "./plot.js";
import { bytesScale } from "./scale.js";
import { leftInReach } from "./staircase-left.js";
import { scrolled } from "./table.js";
import { STYLE } from "./style.js";

const HALF = 7;

/** A whole document, for a file. `classes`: those that are secrets. */
export function staircasePage(staircase: Staircase, classes: readonly SecretClass[]): string {
  const { proposal, workload, steps } = staircase;
  const taken = steps.filter(({ impossible }) => impossible === undefined);
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
        <figure>${plot(staircase)}</figure>
        ${leftInReach(staircase)}
        <h2>Step by step</h2>
        ${list(taken)} ${table(taken, classes)}
      </body>
    </html>`;
  return `${page.text}\n`;
}

function plot({ proposal, steps }: Staircase): Html {
  const taken = steps.filter(({ impossible }) => impossible === undefined);
  const amounts = taken.map(({ secretBytes }) => secretBytes);
  const scale = bytesScale(amounts);
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

/** What each step does, and what its price is without. */
function list(steps: readonly StairStep[]): Html {
  return html`<ol start="0">
    ${steps.map((step, i) => html`<li><b>${step.name}</b>${i > 0 && `: ${effect(step, true)}`}</li>`)}
  </ol>`;
}

function table(steps: readonly StairStep[], classes: readonly SecretClass[]): Html {
  const priced = steps.some(({ cycles }) => cycles !== null);
  return scrolled(
    "Bytes of each class in reach, step by step",
    html`<table>
      <thead>
        <tr>
          <th scope="col">step</th>
          ${classes.map((name) => html`<th scope="col" class="num">${name}</th>`)}
          ${priced && html`<th scope="col" class="num">cycles</th>`}
        </tr>
      </thead>
      <tbody>
        ${steps.map((step, i) => row(step, i, classes))}
      </tbody>
    </table>`,
  );
}

function row(
  { classes: found, cycles, percent }: StairStep,
  i: number,
  classes: readonly SecretClass[],
): Html {
  return html`<tr>
    <th scope="row">${i}</th>
    ${classes.map((name) => html`<td class="num">${(found[name] ?? 0) === 0 ? "-" : bytes(found[name]!)}</td>`)}
    ${
      cycles !== null &&
      html`<td class="num">${i > 0 && `${signedSi(cycles.likely)} (${signedPercent(percent!.likely)})`}</td>`
    }
  </tr>`;
}
