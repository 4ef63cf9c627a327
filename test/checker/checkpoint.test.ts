import { expect } from "chai";
import { existsSync, mkdtempSync, readFileSync, rmSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exploreBreadthFirst } from "../../checker/breadth-first.js";
import type { Model } from "../../checker/model.js";
import type { ExploreOptions } from "../../checker/options.js";
import type { Outcome } from "../../checker/outcome.js";
import { counters, peterson } from "./toys.js";

const found = ({ seconds: _, soundness: __, ...outcome }: Outcome): object => outcome;

describe("a checkpoint", () => {
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "checkpoint-"));
    file = join(folder, "run.checkpoint");
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  for (const [name, make, options] of [
    ["all of a model", () => counters(5, 9), { symmetry: false }],
    ["all of a model under symmetry", () => counters(4, 20), {}],
    ["a violation and its shortest run", () => counters(5, 9, 33), { symmetry: false }],
    ["a violation that did not end it", () => counters(5, 9, 13), { symmetry: false, until: [] }],
  ] as const) {
    it(`is gone on from to ${name}, with the results of an unbroken exploration`, async () => {
      const whole = await exploreBreadthFirst(make(), options);
      for (const maxStates of [200, 2500, 60_000]) {
        const part = await exploreBreadthFirst(make(), { ...options, maxStates, checkpoint: file });
        if (part.soundness.ended !== "states") continue;
        expect(found(await exploreBreadthFirst(make(), { ...options, resume: file }))).to.deep.equal(
          found(whole),
        );
      }
    });
  }

  it("is written at an interruption, in the middle of a level too", async () => {
    const model = counters(5, 13);
    const control = new AbortController();
    const part = await exploreBreadthFirst(model, {
      symmetry: false,
      everyMs: 1,
      signal: control.signal,
      checkpoint: file,
      onProgress: ({ distinct }) => distinct > 20_000 && control.abort(),
    });
    expect(part.verdict).to.equal("out-of-bounds");
    expect(part.soundness.ended).to.equal("interrupted");
    expect(part.properties[0]!.verdict).to.equal("open");
    expect(existsSync(`${file}.half`)).to.equal(false);
    const whole = await exploreBreadthFirst(model, { symmetry: false });
    expect(found(await exploreBreadthFirst(model, { symmetry: false, resume: file }))).to.deep.equal(
      found(whole),
    );
  });

  it("is refused for another model, other reductions, or where its end is missing", async () => {
    const refusal = async (model: Model, options: ExploreOptions): Promise<string> => {
      const error: unknown = await exploreBreadthFirst(model, options).catch((e: unknown) => e);
      expect(error).to.be.instanceOf(RangeError);
      return (error as RangeError).message;
    };
    await exploreBreadthFirst(counters(4, 9), { maxStates: 100, checkpoint: file });
    expect(await refusal(counters(3, 9), { resume: file })).to.contain("of another model");
    expect(await refusal(counters(4, 9), { symmetry: false, resume: file })).to.contain("other reductions");
    truncateSync(file, readFileSync(file).length - 1);
    expect(await refusal(counters(4, 9), { resume: file })).to.equal(
      `${file}: is no whole checkpoint; start without it`,
    );
    expect(await refusal(peterson(), { checkpoint: file })).to.contain("eventually");
  });
});
