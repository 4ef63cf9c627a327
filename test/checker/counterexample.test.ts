import { expect } from "chai";
import * as fc from "fast-check";
import { runInNewContext } from "node:vm";
import { ModuleKind, ScriptTarget, transpileModule } from "typescript";
import { exploreBreadthFirst } from "../../checker/breadth-first.js";
import { renderCounterexample, stepsOf } from "../../checker/columns.js";
import { exploreDepthFirst } from "../../checker/depth-first.js";
import { fromIdentifier, toIdentifier } from "../../checker/identifier.js";
import { toItf } from "../../checker/itf.js";
import { firstViolation, isFairLasso, minimise } from "../../checker/minimise.js";
import { toMochaTest } from "../../checker/mocha-text.js";
import type { Model } from "../../checker/model.js";
import type { PropertyResult } from "../../checker/outcome.js";
import { explorePct } from "../../checker/pct.js";
import { toTimeline } from "../../checker/timeline.js";
import { peterson, philosophers } from "./toys.js";

async function violated(model: Model): Promise<[PropertyResult, number]> {
  const { properties } = await exploreBreadthFirst(model);
  const i = properties.findIndex(({ verdict }) => verdict === "violated");
  return [properties[i]!, i];
}

describe("minimising", () => {
  it("makes of a depth-first run what breadth-first finds", async () => {
    const model = peterson(true);
    const { properties } = await exploreDepthFirst(model);
    const long = properties[0]!.counterexample!;
    const short = minimise(model, 0, long);
    expect(long.actions.length).to.be.at.least(short.actions.length);
    expect(short.actions).to.have.length(6);
    expect(firstViolation(model, 0, short.actions)).to.equal(6);
    const tried = minimise(model, 0, long, 1);
    expect(tried.actions.length).to.be.above(6);
    expect(firstViolation(model, 0, tried.actions)).to.equal(tried.actions.length);
  });

  it("leaves out rounds that lead back", () => {
    const model = peterson(true);
    const [flag0, turn1, enter0, leave0, flag1, turn0, enter1] = [0, 1, 2, 3, 4, 5, 6] as const;
    const round = [flag0, turn1, enter0, leave0];
    const { actions } = minimise(model, 0, {
      actions: [...round, ...round, flag0, flag1, turn1, enter0, turn0, enter1, leave0],
    });
    expect(actions).to.deep.equal([flag0, flag1, turn1, enter0, turn0, enter1]);
  });

  it("keeps the loop of a lasso a fair one", async () => {
    const model = philosophers(3);
    const [{ counterexample }, i] = await violated(model);
    const { actions, loop } = minimise(model, i, counterexample!);
    expect(isFairLasso(model, i, actions.slice(0, loop), actions.slice(loop))).to.equal(true);
    expect(isFairLasso(model, i, actions.slice(0, loop), actions.slice(loop, -1))).to.equal(false);
  });

  it("knows a loop that is unfair to one who can act", () => {
    const model = philosophers(3);
    const eats = (p: number): number[] => [3 * p, 3 * p + 1, 3 * p + 2];
    expect(isFairLasso(model, 0, [], eats(1))).to.equal(false); // P0's fork is free all the time
    expect(isFairLasso(model, 0, [], [...eats(1), ...eats(2)])).to.equal(true); // P2 has it while P0 would
  });
});

describe("random runs", () => {
  it("find a violation of three orderings, the same one with the same seed", async () => {
    const first = await explorePct(peterson(true), { seed: 7, steps: 20 });
    const again = await explorePct(peterson(true), { seed: 7, steps: 20 });
    expect(first.verdict).to.equal("violated");
    expect(first.properties).to.deep.equal(again.properties);
    expect(first.soundness.pct).to.deep.include({ seed: 7, depth: 3, odds: 1 / (2 * 20 ** 2) });
  });

  it("say of a model that holds only what was run", async () => {
    const { verdict, properties, soundness } = await explorePct(peterson(), { runs: 200, steps: 50 });
    expect(verdict).to.equal("out-of-bounds");
    expect(properties.map((property) => property.verdict)).to.deep.equal(["open", "holds", "open"]);
    expect(soundness.ended).to.equal("runs");
  });
});

describe("a counterexample", () => {
  it("is a table of 72 columns, an action where it happens, and what it changed", async () => {
    const model = peterson(true);
    const [property] = await violated(model);
    const text = renderCounterexample(model, property);
    expect(text.split("\n")).to.deep.equal([
      "mutual exclusion: mutual exclusion, in each state",
      "",
      "   P0                                 P1",
      "1  flag[0] = 1",
      "     cell 0: 0 -> 1",
      "     cell 3: 0 -> 1",
      "2  turn = 1",
      "     cell 3: 1 -> 2",
      "3  enter 0",
      "     cell 3: 2 -> 3",
      "4                                     flag[1] = 1",
      "                                        cell 1: 0 -> 1",
      "                                        cell 4: 0 -> 1",
      "5                                     turn = 0",
      "                                        cell 2: 0 -> 1",
      "                                        cell 4: 1 -> 2",
      "6                                     enter 1",
      "                                        cell 4: 2 -> 3",
      "",
    ]);
  });

  it("never is wider, whatever its names", async () => {
    const long = philosophers(4);
    const model = {
      ...long,
      processes: long.processes.map((name) => `${name} of the round table`),
      actions: long.actions.map((a) => ({
        ...a,
        name: `${a.name} ${"very_".repeat(9)} long ${"x".repeat(80)}`,
      })),
    };
    const [property] = await violated(model);
    const lines = renderCounterexample(model, property).split("\n");
    expect(Math.max(...lines.map((line) => line.length))).to.be.at.most(72);
    expect(lines.some((line) => line.includes("again and again"))).to.equal(true);
  });

  it("refuses actions that the model cannot take", () => {
    expect(() => stepsOf(peterson(), { actions: [3] })).to.throw("action 1, leave 0, is not enabled");
  });

  it("is an ITF trace with a loop", async () => {
    const model = philosophers(3);
    const [{ counterexample, says }] = await violated(model);
    const trace = toItf(model, counterexample!, says);
    expect(trace.states).to.have.length(counterexample!.actions.length + 1);
    expect(trace.loop).to.equal(counterexample!.loop);
    const facts = ({ "#meta": _, action: __, process: ___, ...rest }: Readonly<Record<string, unknown>>) =>
      rest;
    expect(facts(trace.states.at(-1)!)).to.deep.equal(facts(trace.states[trace.loop!]!));
    expect(trace.vars).to.include.members(["action", "process", "cell 0"]);
  });

  it("is a timeline with a track per process", async () => {
    const model = peterson(true);
    const [{ counterexample }] = await violated(model);
    const { traceEvents } = toTimeline(model, counterexample!);
    expect(traceEvents.filter(({ ph }) => ph === "M")).to.have.length(2);
    expect(traceEvents.filter(({ ph }) => ph === "X").map(({ tid }) => tid)).to.deep.equal([
      0, 0, 0, 1, 1, 1,
    ]);
  });

  it("is a test that fails with the design and passes without the fault", async () => {
    const broken = peterson(true);
    const [property] = await violated(broken);
    const text = toMochaTest(broken, property, {
      imports: [`import { peterson } from "./toys.js";`],
      makeModel: "peterson()",
    });
    const options = { module: ModuleKind.CommonJS, target: ScriptTarget.ES2022 };
    const { outputText } = transpileModule(text, { compilerOptions: options });
    const run = (make: () => Model): unknown =>
      runInNewContext(outputText, {
        exports: {},
        require: (name: string) => (name === "chai" ? { expect } : { peterson: make }),
        describe: (_: string, body: () => void) => body(),
        it: (_: string, body: () => void) => body(),
      });
    expect(() => run(() => broken)).to.throw("expected false to equal true");
    expect(() => run(() => peterson())).not.to.throw();
    expect(() => run(() => philosophers(3))).to.throw("an action is called");
  });
});

describe("an identifier", () => {
  it("names the options and the actions that it was made of", () => {
    fc.assert(
      fc.property(
        fc.jsonValue(),
        fc.array(fc.nat(500), { maxLength: 60 }),
        fc.boolean(),
        (options, actions, isLasso) => {
          const run = { options: JSON.parse(JSON.stringify(options)) as unknown, actions };
          const named = isLasso ? { ...run, loop: actions.length >> 1 } : run;
          const identifier = toIdentifier(named);
          expect(identifier).to.match(/^v1\.[\w-]+$/);
          expect(fromIdentifier(identifier)).to.deep.equal(named);
        },
      ),
    );
  });

  for (const damaged of [
    "",
    "v2.abc",
    "v1.",
    "v1.AAAA",
    "v1.!!!",
    toIdentifier({ options: 1, actions: [1, 2] }).slice(0, -3),
  ]) {
    it(`is refused as "${damaged}"`, () => {
      expect(() => fromIdentifier(damaged)).to.throw(RangeError, "copy it whole");
    });
  }
});
