/**
 * A model from where it is made: each thread makes its own.
 */
import type { Model, ModelSource } from "./model.js";

/** Errors: TypeError if the module does not export such a function. */
export function makeModel({ module, make, options }: ModelSource): Model {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- named at run time
  const exported = (require(module) as Record<string, unknown>)[make];
  if (typeof exported !== "function") {
    throw new TypeError(`${module}: exports no function ${make}; name one that makes a model of its options`);
  }
  return (exported as (options: unknown) => Model)(options);
}
