/** What a pCPU can be made to load: by proposal, and step by step from today to a Xen that maps no secrets. */
import type { Staircase } from "../../experiments/secrets/staircase.js";
import type { Evaluation } from "../../experiments/results.js";
import { bytes } from "../numbers.js";
import { figure } from "./figure.js";
import { html, type Html } from "./html.js";
import { coordinate, drawPlot, type PlotRow } from "./plot.js";
import { bytesScale, type Scale } from "./scale.js";
import { leftInReach } from "./staircase-left.js";

const HALF = 6;

/** Nothing where no proposal's roots are of a known shape. */
export function secretsSection(evaluation: Evaluation): Html | false {
  const { staircase } = evaluation;
  const known = evaluation.proposals.filter(({ secrets }) => secrets !== null);
  if (known.length === 0) return false;
  const { host } = known[0]!.secrets!;
  return html`<section aria-labelledby="secrets">
    <h2 id="secrets">Secrets</h2>
    <p>
      Bytes of others' secrets that any pCPU reaches through its %cr3, at most, on a host of
      ${bytes(host.memoryBytes)}, ${host.pcpus} pCPUs and ${host.domains} domains. That no two pCPUs share an
      L4 changes nothing by itself: it lets Xen map less on each of them.
    </p>
    <div class="figures">${exposure(evaluation)} ${staircase !== undefined && stairs(staircase)}</div>
    ${staircase !== undefined && leftInReach(staircase)}
  </section> `;
}

function exposure({ proposals }: Evaluation): Html {
  const rows = proposals.flatMap(({ name, secrets }) =>
    secrets === null
      ? []
      : [
          {
            name,
            xen: secrets.inXen.secretBytes,
            guest: secrets.inGuest.secretBytes,
            classes: secrets.inXen.classes,
          },
        ],
  );
  const amounts = rows.flatMap(({ xen, guest }) => [xen, guest]);
  const scale = bytesScale(amounts);
  const classes = Object.keys(rows[0]!.classes) as (keyof (typeof rows)[0]["classes"])[];
  const drawn = rows.map(({ name, xen, guest }): PlotRow => ({
    name,
    value: `${bytes(xen)}; ${bytes(guest)}`,
    tip: `${name}: in Xen ${bytes(xen)}, from its guest ${bytes(guest)}`,
    mark: (x, y) => html`${bar("xen", x, xen, y - HALF)}${bar("guest", x, guest, y)}`,
  }));
  return figure({
    caption: "In reach by proposal: in Xen (dark), from its guest with Meltdown (light)",
    picture: plot("exposure", "Secrets in reach by proposal", drawn, scale),
    head: ["proposal", "in Xen", "from its guest", ...classes],
    rows: rows.map(({ name, xen, guest, classes: found }) => [
      name,
      bytes(xen),
      bytes(guest),
      ...classes.map((one) => bytes(found[one])),
    ]),
    command: "pvtwin secrets NAME; pvtwin secrets NAME --meltdown",
  });
}

function stairs({ proposal, steps, left }: Staircase): Html {
  const taken = steps.filter(({ impossible }) => impossible === undefined);
  const amounts = taken.map(({ secretBytes }) => secretBytes);
  const scale = bytesScale(amounts);
  const drawn = taken.map(({ name, secretBytes, removes }, i): PlotRow => {
    const gone = removes.length === 0 ? "nothing of any class" : removes.join(", ");
    return {
      name: `${i}. ${name}`,
      value: bytes(secretBytes),
      tip: `${name}: ${bytes(secretBytes)} left${i === 0 ? "" : `; out of reach now: ${gone}`}`,
      mark: (x, y) => bar("xen", x, secretBytes, y - HALF),
    };
  });
  const rest = left.length === 0 ? "none is left" : `left: ${left.join(", ")}`;
  return figure({
    caption: `From today to a Xen without secrets, by ${proposal}; ${rest}`,
    picture: plot("staircase", `Secrets in reach of Xen, step by step, ${proposal}`, drawn, scale),
    head: ["step", "in reach", "out of reach now", "less of"],
    rows: taken.map(({ name, secretBytes, removes, lessens }, i) => [
      `${i}. ${name}`,
      bytes(secretBytes),
      removes.join(", "),
      lessens.join(", "),
    ]),
    command: `pvtwin secrets ${proposal} --staircase`,
  });
}

function plot(id: string, title: string, rows: readonly PlotRow[], scale: Scale): Html {
  return drawPlot({
    id,
    title,
    description: rows.map(({ tip }) => tip).join(". "),
    rows,
    scale,
    tick: bytes,
    axis: `bytes in reach (${scale.kind})`,
  });
}

function bar(side: "guest" | "xen", x: (value: number) => number, value: number, y: number): Html {
  return html`<rect
    class="memory-${side}"
    x="${coordinate(x(0))}"
    y="${y}"
    width="${coordinate(x(value) - x(0))}"
    height="${HALF}"
  />`;
}
