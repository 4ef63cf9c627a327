/** growth.html: how the cost of each design grows along a sweep's one axis. */
import { eventDefinition } from "../../abi/events.js";
import type { Growth } from "../../experiments/sweep/growth.js";
import { exponentText } from "../growth-text.js";
import { exact, si } from "../numbers.js";
import { document } from "./document.js";
import { figure } from "./figure.js";
import { drawGrowth } from "./growth-plot.js";
import { html, setNumber, type Html } from "./html.js";
import { scrolled } from "./table.js";

/** A whole document, for a file. `command` made the sweep called `name`. */
export function growthPage(name: string, growth: readonly Growth[], command: string): string {
  const key = ({ workload, profile }: Growth) => JSON.stringify([workload, profile]);
  const sets = [...new Set(growth.map(key))].map((one) => growth.filter((row) => key(row) === one));
  const { over } = growth[0]!;
  return document(
    `pvtwin: ${name}, by ${over}`,
    html`<header>
        <h1>${name}: how each design's cost grows with ${over}</h1>
        <p class="lead">
          Likely cost of a second of work at the same rates, as ${over} grow. Both axes are logarithmic, so
          that a straight line is a power of ${over}, and the number beside a name is its exponent over the
          larger half: 0, the cost does not grow; 1, it grows with ${over}; 2, each has to do something about
          each other; 3, it does so once for each table besides.
        </p>
      </header>
      <main>${sets.map((rows, i) => section(rows, i, command))}</main>`,
  );
}

function section(rows: readonly Growth[], i: number, command: string): Html {
  const { workload, profile, over, unit } = rows[0]!;
  const [first] = rows;
  const xs = [...new Set(rows.flatMap(({ points }) => points.map(({ x }) => x)))].sort((a, b) => a - b);
  const cost = (row: Growth, x: number) => row.points.find((point) => point.x === x)?.likely;
  const table = (write: (row: Growth, x: number) => string) =>
    rows.map((row) => [row.proposal, ...xs.map((x) => write(row, x))]);
  const head = [over, ...xs.map(exact)];
  const times = (n: number) => `${si(Number(n.toPrecision(3)))} x`;
  return html`<section aria-labelledby="set-${i + 1}">
    <h2 id="set-${i + 1}">${workload}, ${profile}</h2>
    <div class="figures">
      ${figure({
        caption: `Likely ${unit} of a second by ${over}, and exponents`,
        picture: drawGrowth({
          id: `growth-${i + 1}`,
          title: `Likely ${unit} of a second by ${over}, ${workload}`,
          axis: `${unit} of a second`,
          lines: rows,
          value: (_, { likely }) => likely,
          write: si,
          note: ({ exponent }) => exponentText(exponent),
        }),
        head,
        rows: table((row, x) => si(cost(row, x) ?? NaN)),
        command,
      })}
      ${
        rows.length > 1 &&
        figure({
          caption: `Times the cost of ${first!.proposal}, by ${over}`,
          picture: drawGrowth({
            id: `times-${i + 1}`,
            title: `Times the cost of ${first!.proposal}, by ${over}, ${workload}`,
            axis: `times the cost of ${first!.proposal}`,
            lines: rows,
            value: (_, { x, likely }) => likely / (cost(first!, x) ?? likely),
            write: times,
          }),
          head,
          rows: table((row, x) => times((cost(row, x) ?? NaN) / (cost(first!, x) ?? NaN))),
          command,
        })
      }
    </div>
    <h3>What costs most where ${over} are most</h3>
    ${scrolled(
      `What costs most where ${over} are most`,
      html`<table>
        <thead>
          <tr>
            <th scope="col">proposal</th>
            <th scope="col" class="num">exponent</th>
            <th scope="col">event</th>
            <th scope="col" class="num">of the cost</th>
            <th scope="col" class="num">its exponent</th>
          </tr>
        </thead>
        <tbody>
          ${rows.map(
            ({ proposal, exponent, most }) =>
              html`<tr>
                <th scope="row"><span class="id">${proposal}</span></th>
                <td class="num">${exponentText(exponent)}</td>
                <td class="prose">${most.event}: ${eventDefinition(most.event).what}</td>
                <td class="num">${setNumber(`${Math.round(100 * most.share)} %`)}</td>
                <td class="num">${exponentText(most.exponent)}</td>
              </tr> `,
          )}
        </tbody>
      </table>`,
    )}
  </section>`;
}
