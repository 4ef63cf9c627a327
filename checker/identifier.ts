/**
 * A run of a model as one word, to be passed on like a link: options of the model, then actions.
 *
 * Shape: base64url of deflated JSON [options, actions, loop?], behind "v1."
 */
import { deflateRawSync, inflateRawSync } from "node:zlib";
import type { Counterexample } from "./outcome.js";

const VERSION = "v1.";
/** No identifier of ours is as long as this when unpacked. */
const MAX_BYTES = 1 << 20;

/** What an identifier says. */
export interface NamedRun extends Counterexample {
  /** As in ModelSource: what the model is made of. */
  readonly options: unknown;
}

/** The identifier of a run. */
export function toIdentifier({ options, actions, loop }: NamedRun): string {
  const text = JSON.stringify(loop === undefined ? [options, actions] : [options, actions, loop]);
  return VERSION + deflateRawSync(text, { level: 9 }).toString("base64url");
}

/** The run that an identifier names. Errors: RangeError if it names none. */
export function fromIdentifier(identifier: string): NamedRun {
  const wrong = (why: string): never => {
    throw new RangeError(`${why}; copy it whole, from ${VERSION} to its end`);
  };
  if (!identifier.startsWith(VERSION)) return wrong(`an identifier begins with ${VERSION}`);
  let parts: unknown;
  try {
    const packed = Buffer.from(identifier.slice(VERSION.length), "base64url");
    parts = JSON.parse(inflateRawSync(packed, { maxOutputLength: MAX_BYTES }).toString());
  } catch {
    return wrong("the identifier is damaged");
  }
  if (!Array.isArray(parts) || parts.length < 2) return wrong("the identifier is damaged");
  const [options, actions, loop] = parts as unknown[];
  const isIndex = (n: unknown): n is number => Number.isInteger(n) && (n as number) >= 0;
  if (!Array.isArray(actions) || !actions.every(isIndex))
    return wrong("the identifier has no list of actions");
  if (loop === undefined) return { options, actions };
  if (!isIndex(loop) || loop > actions.length)
    return wrong("the identifier has a loop that is not in its actions");
  return { options, actions, loop };
}
