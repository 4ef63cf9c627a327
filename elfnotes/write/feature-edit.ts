/**
 * A feature in the notes of an image, set or removed: what becomes of the text of FEATURES and of the words of
 * SUPPORTED_FEATURES.
 *
 * A note that comes new must not take away what its absence allowed. With a SUPPORTED_FEATURES note Xen wants
 * XENFEAT_dom0 in it of a dom0, and does not ask without one; so a new note says dom0 too.
 */
import { XENFEAT_dom0 } from "../../abi/features.js";

/** How a feature is named in an image. */
export interface FeatureName {
  readonly name: string;
  /** Of XENFEAT submap 0, where the feature has one. */
  readonly bit: number | undefined;
  /** Where a guest says that it supports it. Only FEATURES can say that it requires it. */
  readonly way: "supported-features" | "features-string";
}

export type FeatureEdit = FeatureName & { readonly state: "supported" | "required" | "removed" };

/** The notes that features are in, decoded: texts and first words, in the image's order. */
export interface FeatureNotes {
  readonly texts: readonly string[];
  readonly words: readonly number[];
}

/** What `edit` makes of them; a new note is one more at the end. `supported` is what the image supports by both. */
export function editFeatures(notes: FeatureNotes, edit: FeatureEdit, supported: number): FeatureNotes {
  const { name, bit, way, state } = edit;
  const byBit = way === "supported-features" && bit !== undefined;
  let texts = notes.texts.map((text) => editText(text, name, state, byBit));
  const inText = state === "required" || (state === "supported" && !byBit);
  if (inText && !texts.some((text) => text.split("|").some((token) => plain(token) === name))) {
    const token = state === "required" ? `!${name}` : name;
    const last = texts.at(-1);
    texts = last === undefined ? [token] : [...texts.slice(0, -1), last === "" ? token : `${last}|${token}`];
  }

  let words = [...notes.words];
  if (bit !== undefined && state === "removed") words = words.map((word) => (word & ~(1 << bit)) >>> 0);
  else if (byBit) {
    const last = words.at(-1) ?? (supported | (1 << XENFEAT_dom0)) >>> 0;
    words = [...words.slice(0, -1), (last | (1 << bit)) >>> 0];
  }
  return { texts, words };
}

/** Does the image say the same, whichever way it is written? */
export function sameFeatures(a: FeatureNotes, b: FeatureNotes): boolean {
  return JSON.stringify([a.texts, a.words]) === JSON.stringify([b.texts, b.words]);
}

function editText(text: string, name: string, state: FeatureEdit["state"], byBit: boolean): string {
  const tokens = text.split("|");
  if (!tokens.some((token) => plain(token) === name)) return text;
  if (state === "removed") return tokens.filter((token) => plain(token) !== name).join("|");
  const token = state === "required" ? `!${name}` : name;
  const kept = byBit && state === "supported" ? tokens.filter((t) => t !== `!${name}`) : tokens;
  return kept.map((t) => (plain(t) === name ? token : t)).join("|");
}

function plain(token: string): string {
  return token.startsWith("!") ? token.slice(1) : token;
}

/** For reports: where the feature is then said. */
export function wayOf({ name, bit, way, state }: FeatureEdit): string {
  const ways = [
    ...(way === "supported-features" ? [`SUPPORTED_FEATURES bit ${bit}`] : []),
    ...(way === "features-string" && state !== "required" ? [`FEATURES ${name}`] : []),
    ...(state === "required" ? [`FEATURES !${name}`] : []),
  ];
  return ways.join(" and ");
}
