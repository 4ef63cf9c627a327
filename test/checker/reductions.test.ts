import { expect } from "chai";
import * as fc from "fast-check";
import { exploreBreadthFirst } from "../../checker/breadth-first.js";
import { exploreDepthFirst } from "../../checker/depth-first.js";
import type { Model } from "../../checker/model.js";
import { runActions } from "../../checker/run-path.js";
import { toy } from "./toys.js";

/** An instruction: what it does, to which value, and where the program goes on besides the next line. */
interface Line {
  readonly op: "step" | "goto" | "set" | "await" | "add";
  readonly value: number;
  readonly jump: number;
}

const line = fc.record<Line>({
  op: fc.constantFrom("step", "goto", "set", "await", "add"),
  value: fc.nat(2),
  jump: fc.nat(4),
});
const program = fc.array(line, { minLength: 2, maxLength: 5 });

/**
 * Processes with a program each. `step` changes a variable of the process's own, and may jump; `goto` only jumps; the
 * others work on the one variable that all share and a property sees.
 */
function programs(lines: readonly (readonly Line[])[], bad: number, alike = false): Model {
  const n = lines.length;
  const cells = [0, ...lines.flatMap(() => [0, 0])]; // shared; pc and own variable of each
  const rules: [string, number, (s: Uint8Array) => boolean][] = [];
  lines.forEach((text, p) => {
    const pc = 1 + 2 * p;
    for (const jumps of [false, true]) {
      rules.push([
        `${p} ${jumps ? "jumps" : "goes on"}`,
        p,
        (s) => {
          const here = text[s[pc]!];
          if (here === undefined) return false;
          if (here.op === "await" && s[0] !== here.value) return false;
          if (jumps ? here.jump > text.length : here.op === "goto") return false;
          if (here.op === "set") s[0] = here.value;
          if (here.op === "add") s[0] = (s[0]! + here.value) % 3;
          if (here.op === "step") s[pc + 1] = (s[pc + 1]! + here.value) % 3;
          s[pc] = jumps ? here.jump : s[pc]! + 1;
          return true;
        },
      ]);
    }
  });
  return toy(
    "programs",
    cells,
    lines.map((_, p) => `P${p}`),
    rules,
    [
      ["always", "shared is not bad", (s) => s[0] !== bad],
      ["sometimes", "shared is 1", (s) => s[0] === 1],
    ],
    (state) => ({
      local: (p) => ["step", "goto"].includes(lines[p]![state[1 + 2 * p]!]?.op ?? ""),
      symmetries: alike ? n - 1 : 0,
      // rotations
      storeAs: (k, to, at) => {
        to[at] = state[0]!;
        for (let i = 0; i < 2 * n; i++) to[at + 1 + i] = state[1 + ((i + 2 * k) % (2 * n))]!;
      },
    }),
  );
}

const OFF = { partialOrder: false, symmetry: false };

/** What a reduction must not change. */
async function answers(model: Model, explore: typeof exploreBreadthFirst, options: object) {
  const { verdict, properties, ends, states, soundness } = await explore(model, options);
  const bad = properties[0]!.counterexample;
  if (bad !== undefined) {
    expect(runActions(model, bad.actions)).to.equal(bad.actions.length);
    expect(model.properties[0]!.holds()).to.equal(false);
  }
  const said = properties.map((property) => property.verdict);
  return {
    said: { verdict, said, ends: verdict === "violated" ? 0 : Math.sign(ends) },
    states,
    soundness,
    bad,
  };
}

describe("reductions", () => {
  it("of partial order change no verdict, breadth-first or depth-first", async () => {
    let reduced = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(program, { minLength: 2, maxLength: 3 }),
        fc.integer({ min: 1, max: 4 }),
        async (lines, bad) => {
          const model = programs(lines, bad);
          const full = await answers(model, exploreBreadthFirst, OFF);
          const breadth = await answers(model, exploreBreadthFirst, {});
          const depth = await answers(model, exploreDepthFirst, {});
          if (full.bad !== undefined) {
            expect(breadth.said.said[0]).to.equal("violated");
            expect(depth.said.said[0]).to.equal("violated");
            return;
          }
          expect(breadth.said).to.deep.equal(full.said);
          expect(depth.said).to.deep.equal(full.said);
          expect(breadth.states).to.be.at.most(full.states);
          if (breadth.states < full.states) reduced++;
        },
      ),
      { numRuns: 150 },
    );
    expect(reduced).to.be.above(20);
  });

  it("of symmetry change no verdict, alone and with partial order", async () => {
    let reduced = 0;
    await fc.assert(
      fc.asyncProperty(program, fc.integer({ min: 1, max: 4 }), async (lines, bad) => {
        const model = programs([lines, lines, lines], bad, true);
        const full = await answers(model, exploreBreadthFirst, OFF);
        for (const [explore, options] of [
          [exploreBreadthFirst, { partialOrder: false }],
          [exploreBreadthFirst, {}],
          [exploreDepthFirst, { partialOrder: false }],
          [exploreDepthFirst, {}],
        ] as const) {
          const with_ = await answers(model, explore, options);
          expect(with_.said.said[0]).to.equal(full.said.said[0]);
          if (full.bad !== undefined) continue;
          expect(with_.said).to.deep.equal(full.said);
          expect(with_.soundness.symmetries).to.equal(2);
          expect(with_.states).to.be.at.most(full.states);
          if (with_.states < full.states) reduced++;
        }
        const symmetric = await answers(model, exploreBreadthFirst, { partialOrder: false });
        expect(symmetric.bad?.actions.length).to.equal(full.bad?.actions.length);
      }),
      { numRuns: 60 },
    );
    expect(reduced).to.be.above(40);
  });

  it("are off where they are switched off, and depth-first counts as breadth-first does then", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(program, { minLength: 2, maxLength: 3 }), async (lines) => {
        const model = programs(lines, 4);
        const breadth = await exploreBreadthFirst(model, OFF);
        const depth = await exploreDepthFirst(model, OFF);
        for (const key of ["states", "transitions", "ends", "verdict"] as const)
          expect(depth[key]).to.equal(breadth[key]);
        expect(breadth.soundness.partialOrder).to.equal(false);
      }),
      { numRuns: 50 },
    );
  });
});
