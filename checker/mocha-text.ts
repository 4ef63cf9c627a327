/**
 * A counterexample as the text of a mocha test that replays it.
 */
import type { Model } from "./model.js";
import type { PropertyResult } from "./outcome.js";

/** Where the test finds things: import lines, and an expression that makes the model. */
export interface TestSetting {
  readonly imports: readonly string[];
  readonly makeModel: string;
}

/**
 * A test that takes the actions by name, and claims that the property holds behind them, or where they are a lasso, in
 * some state of its loop. It fails until the design is mended, and where an action has another name then.
 */
export function toMochaTest(model: Model, property: PropertyResult, setting: TestSetting): string {
  const { name, says, counterexample } = property;
  const { actions, loop } = counterexample ?? { actions: [] };
  const quote = (text: string): string => JSON.stringify(text);
  const first = Math.min(loop ?? actions.length, actions.length - 1); // from behind this one on it has to hold
  return [
    `import { expect } from "chai";`,
    ...setting.imports,
    ``,
    `describe(${quote(model.name)}, () => {`,
    `  it(${quote(`keeps ${name}: ${says}`)}, () => {`,
    `    const model = ${setting.makeModel};`,
    `    const property = model.properties.find((one) => one.name === ${quote(name)})!;`,
    `    const names = [`,
    ...actions.map((action) => `      ${quote(model.actions[action]!.name)},`),
    `    ];`,
    `    let holds = ${actions.length === 0 ? "property.holds()" : "false"};`,
    `    model.initial();`,
    `    for (const [i, name] of names.entries()) {`,
    `      const action = model.actions.findIndex((one) => one.name === name);`,
    `      expect(action, \`an action is called \${name}\`).to.be.at.least(0);`,
    `      if (!model.run(action)) return; // the design does not let this happen any more`,
    `      if (i >= ${first}) holds ||= property.holds();`,
    `    }`,
    `    expect(holds).to.equal(true);`,
    `  });`,
    `});`,
    ``,
  ].join("\n");
}
