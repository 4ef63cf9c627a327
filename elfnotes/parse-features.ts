/**
 * The features of an image: names in the FEATURES note, bits in SUPPORTED_FEATURES.
 *
 * Mirrors: elf_xen_parse_features() and the case XEN_ELFNOTE_SUPPORTED_FEATURES of elf_xen_parse_note(),
 * xen/common/libelf/libelf-dominfo.c.
 * Differs: what Xen 4.17 skips or refuses is kept, with what it would do.
 */
import { XENFEAT, XENFEAT_NR_SUBMAPS, xenfeatName } from "../abi/features.js";

/** A name or bit that has no meaning to Xen 4.17. */
export interface UnknownFeature {
  readonly name: string;
  readonly note: "FEATURES" | "SUPPORTED_FEATURES";
  readonly required: boolean;
  /** What it does with it. */
  readonly xen417: string;
}

const MAX_NAME = 63; // sizeof(feature) - 1; the `!` counts

/** What an image says of itself, gathered note by note. */
export class Features {
  /** f_supported and f_required of submap 0, as Xen 4.17 has them after parsing. */
  supportedBits = 0;
  requiredBits = 0;
  /** An unknown name is required: Xen refuses the image. */
  refused: string | undefined;
  readonly unknown: UnknownFeature[] = [];
  /** Names in FEATURES that Xen does not know, and bits of submaps that it does not have. */
  private readonly beyond: { name: string; required: boolean }[] = [];

  /** Names: those known and those unknown, bits without a name by their number. Required ones are supported too. */
  get supported(): string[] {
    return [...namesOf(this.supportedBits), ...this.beyond.map(({ name }) => name)];
  }

  get required(): string[] {
    return [...namesOf(this.requiredBits), ...this.beyond.filter((b) => b.required).map(({ name }) => name)];
  }

  /**
   * Take the text of a FEATURES note: names between `|`, with `!` before those that are required.
   *
   * Returns false where libelf stops with a parse error: an unknown name is required.
   */
  parseString(text: string): boolean {
    for (const token of featureTokens(text)) {
      const required = token.startsWith("!");
      const name = required ? token.slice(1) : token;
      const known = XENFEAT.find((feature) => feature.inFeaturesNote && feature.name === name);
      if (known !== undefined) {
        this.supportedBits = (this.supportedBits | (1 << known.bit)) >>> 0;
        if (required) this.requiredBits = (this.requiredBits | (1 << known.bit)) >>> 0;
        continue;
      }
      if (name === "" && !required) continue;
      const xen417 = required ? "refuses the image: a required name that it does not know" : "skips the name";
      this.unknown.push({ name, note: "FEATURES", required, xen417 });
      this.beyond.push({ name, required });
      if (required) this.refused ??= name;
    }
    return this.refused === undefined;
  }

  /** Take the words of a SUPPORTED_FEATURES note, one for each submap. */
  addWords(words: readonly number[]): void {
    words.forEach((word, submap) => {
      const known = submap < XENFEAT_NR_SUBMAPS;
      if (known) this.supportedBits = (this.supportedBits | word) >>> 0;
      for (const bit of bitsOf(word)) {
        const feature = known ? XENFEAT[bit] : undefined;
        if (feature?.since === "4.17") continue;
        const name = xenfeatName(bit, submap);
        const xen417 = known ? "keeps the bit; nothing acts on it" : "ignores the word: it has one submap";
        this.unknown.push({ name, note: "SUPPORTED_FEATURES", required: false, xen417 });
        if (!known) this.beyond.push({ name, required: false });
      }
    });
  }
}

/**
 * Cut at `|`, and at 63 characters: what follows is a name of its own.
 *
 * Mirrors: the loop over `len` in elf_xen_parse_features().
 */
export function featureTokens(text: string): string[] {
  return text
    .split("|")
    .flatMap((token) => (token === "" ? [""] : (token.match(new RegExp(`[^]{1,${MAX_NAME}}`, "g")) ?? [])));
}

/** Bits that are set, lowest first. */
function bitsOf(word: number): number[] {
  return Array.from({ length: 32 }, (_, bit) => bit).filter((bit) => (word & (1 << bit)) !== 0);
}

function namesOf(word: number): string[] {
  return bitsOf(word).map((bit) => xenfeatName(bit));
}
