/**
 * Names that are numbers in what runs often: EV.page_fault, CAUSE.fork, KIND.sched_switch.
 *
 * V8 compiles such a number as a constant, for as long as no object with the same names in the same order has anything else
 * there. Counts by name, which reports are made of, are such objects; so a table has a prototype of its own, as objects of
 * two prototypes have no shape in common.
 */

/** The place of each name among `names`. Shape: {NAME: number}, frozen. */
export function numbered<Name extends string>(names: readonly Name[]): Readonly<Record<Name, number>> {
  const table = Object.fromEntries(names.map((name, i) => [name, i])) as Record<Name, number>;
  return Object.freeze(Object.setPrototypeOf(table, {}) as typeof table);
}
