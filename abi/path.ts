/**
 * Kernel paths as named atomic steps: one text that the simulator runs and the checker interleaves.
 *
 * A step is the largest piece that other CPUs cannot see the middle of; its name is the kernel's. What a path
 * carries from step to step lies in the state (registers of the path), so that a state is complete.
 * The simulator runs the steps of one vCPU through; the checker keeps a program counter per vCPU and
 * runs one step of any vCPU at a time.
 */

/** What a step answers: go on to the next step, ... */
export const NEXT = -1;
/** ... do this step again (a loop whose iterations others can see in between), ... */
export const AGAIN = -2;
/** ... wait: nothing was changed, and another CPU has to act first, ... */
export const BLOCKED = -3;
/** ... or leave the path here. An answer of 0 or more jumps to the step of that index. */
export const DONE = -4;

/** What other CPUs cannot see the middle of; its name is the kernel's. */
export interface Step<M> {
  readonly name: string;
  /** Change `m` on behalf of `vcpu`. Allocates nothing. */
  readonly run: (m: M, vcpu: number) => number;
}

/** A path of a kernel: its steps in order. */
export interface Path<M> {
  /** The kernel's name for it, as can be grepped upstream. */
  readonly name: string;
  readonly steps: readonly Step<M>[];
}

/** A step that does `run`, which answers NEXT, AGAIN, BLOCKED or DONE. */
export function step<M>(name: string, run: (m: M, vcpu: number) => number): Step<M> {
  return { name, run };
}

/** A path of these steps. */
export function path<M>(name: string, steps: readonly Step<M>[]): Path<M> {
  return { name, steps };
}

/** `steps` where they stand in a longer path: from index `base` on. DONE goes to `end`, and jumps go where they are meant to. */
export function inlined<M>(steps: readonly Step<M>[], base: number, end: number): Step<M>[] {
  return steps.map(({ name, run }) =>
    step(name, (m: M, vcpu) => {
      const answer = run(m, vcpu);
      return answer >= 0 ? base + answer : answer === DONE ? end : answer;
    }),
  );
}

/** The program counter after `answer` at `pc`, or -1 at the end of the path. */
export function advance<M>(p: Path<M>, pc: number, answer: number): number {
  if (answer === AGAIN || answer === BLOCKED) return pc;
  if (answer === DONE) return -1;
  const next = answer === NEXT ? pc + 1 : answer;
  return next < p.steps.length ? next : -1;
}

/**
 * Run all steps of `p` on `vcpu`, as a simulator does that lets nobody in between.
 *
 * Errors: RangeError where a step is blocked: alone on the machine, it would wait for ever.
 */
export function runPath<M>(p: Path<M>, m: M, vcpu: number): void {
  const { steps } = p;
  let pc = 0;
  while (pc < steps.length) {
    const answer = steps[pc]!.run(m, vcpu);
    if (answer === NEXT) pc++;
    else if (answer === DONE) return;
    else if (answer >= 0) pc = answer;
    else if (answer === BLOCKED) throw blocked(p.name, steps[pc]!.name);
  }
}

/** What runPath() says of a step that waits; for paths that are run by the names of their steps. */
export function blocked(path: string, step: string): RangeError {
  return new RangeError(`${path}: step ${step} is blocked in a run of one vCPU; it is a bug of the model`);
}
