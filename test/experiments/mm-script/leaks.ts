/** Generated scripts on a machine: nothing is left in Xen when the last task has gone, nothing was refused on the way. */
import { join } from "node:path";
import { expect } from "chai";
import fc from "fast-check";
import { readProposal } from "../../../abi/proposal.js";
import { dataFolder } from "../../../experiments/bundled.js";
import { ScriptMachine } from "../../../experiments/mm-script/play-scripts.js";
import { playAndExit } from "./finish.js";
import { frameUses, leaks } from "./frame-uses.js";
import { scriptOf } from "./generate-script.js";

const choices = fc.array(fc.array(fc.nat(9999), { minLength: 8, maxLength: 8 }), {
  minLength: 1,
  maxLength: 40,
  size: "max",
});

/** Play `numRuns` generated scripts under proposal `name`. */
export function playGenerated(name: string, numRuns: number): void {
  const scripts = new ScriptMachine(readProposal(join(dataFolder("abi", "proposals"), `${name}.yaml`)));
  const before = frameUses(scripts.restart());
  fc.assert(
    fc.property(choices, (numbers) => {
      const script = scriptOf(numbers);
      const machine = scripts.restart();
      try {
        playAndExit(machine, script);
        expect(leaks(before, frameUses(machine))).to.deep.equal([]);
        expect(machine.linux.mc.map((mc) => mc.failed[0])).to.deep.equal([0, 0]);
      } catch (error) {
        throw new Error(JSON.stringify(script.steps), { cause: error });
      }
    }),
    { numRuns },
  );
}
