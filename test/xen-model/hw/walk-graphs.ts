/**
 * Random graphs of pagetables, and accesses to them: tables point at each other anyhow, so that one table
 * serves at several levels; entries are good ones with up to three bits flipped, so that every rule gets its turn
 * and most walks come far.
 */
import fc from "fast-check";
import type { PlainControl } from "./plain-walk.js";

/** Tables 0..4, and the one that holds PDPTEs. */
export const TABLES = 6;
export const PDPT = 5;

export interface Entry {
  readonly table: number;
  readonly slot: number;
  readonly frame: number;
  readonly flags: number;
}

/** One access. */
export interface Look {
  readonly la: bigint;
  readonly kind: "r" | "w" | "x";
  readonly AC: boolean;
  readonly CPL: 0 | 3;
}

export interface Graph {
  readonly control: Omit<PlainControl, "AC" | "CPL">;
  /** Address bits that a level translates: 9, or 2 in the checker's geometry. */
  readonly w: 9 | 2;
  readonly root: number;
  readonly pdptSlot: number;
  readonly entries: readonly Entry[];
  readonly looks: readonly Look[];
}

/** Slots that entries and addresses use; the others are empty. */
const SLOTS = { 9: [0, 1, 255, 256, 511], 2: [0, 1, 2, 3] } as const;
const LEVELS = { pae: 3, "4level": 4, "5level": 5 } as const;
const LOOKS = 36;

/** Flag bits worth flipping in a good entry, by weight: R/W, U/S, PS, NX, P, a key, anything. */
const flip = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(0x002, 0x004) },
  { weight: 3, arbitrary: fc.constant(0x080) },
  { weight: 2, arbitrary: fc.constant(0x800000) },
  { weight: 1, arbitrary: fc.constant(0x001) },
  { weight: 2, arbitrary: fc.nat(15).map((key) => key << 19) },
  { weight: 1, arbitrary: fc.nat(23).map((n) => 1 << n) },
);

/** P, R/W, U/S; perhaps A and D; and the flips. */
const flags = fc
  .tuple(fc.constantFrom(0x007, 0x027, 0x067), fc.array(flip, { maxLength: 3, size: "max" }))
  .map(([good, flips]) => flips.reduce((value, bits) => value ^ bits, good));

const pdpteFlags = fc.oneof(
  { weight: 20, arbitrary: fc.constantFrom(0x001, 0x019, 0xe01) },
  { weight: 2, arbitrary: fc.constantFrom(0x000, 0x1e6, 0xfff000) }, // reserved only where P is set
  { weight: 1, arbitrary: fc.nat(23).map((n) => 0x001 ^ (1 << n)) },
);

/** A table mostly; else data, aligned as superpages are, with and without the PAT bit. */
const goodFrame = fc.oneof(
  { weight: 12, arbitrary: fc.nat(PDPT - 1) },
  { weight: 3, arbitrary: fc.tuple(fc.nat(3), fc.nat(1)).map(([n, pat]) => n * 0x40000 + pat) },
  { weight: 1, arbitrary: fc.nat(0xfffff) },
);
const frame = fc.oneof(
  { weight: 12, arbitrary: goodFrame },
  { weight: 1, arbitrary: fc.tuple(goodFrame, fc.nat(39)).map(([f, n]) => f + 2 ** n) },
);
const pdpteFrame = fc.oneof(
  { weight: 10, arbitrary: fc.nat(PDPT - 1) },
  { weight: 1, arbitrary: fc.tuple(fc.nat(PDPT - 1), fc.nat(39)).map(([f, n]) => f + 2 ** n) },
);

const control = fc.record({
  mode: fc.constantFrom("4level" as const, "5level" as const, "5level" as const, "pae" as const),
  maxphyaddr: fc.constantFrom(32, 36, 40, 43, 44, 45, 46, 51, 52),
  WP: fc.boolean(),
  SMEP: fc.boolean(),
  SMAP: fc.boolean(),
  NXE: fc.boolean(),
  PKE: fc.boolean(),
  PKRU: fc.tuple(fc.nat(0xffff), fc.nat(0xffff)).map(([high, low]) => BigInt(high) * 0x10000n + BigInt(low)),
});

export function graph(): fc.Arbitrary<Graph> {
  return fc.tuple(control, fc.constantFrom(9 as const, 2 as const)).chain(([c, w]) => {
    const slots = SLOTS[w];
    const pdptSlot = fc.constantFrom(...(w === 9 ? [0, 4, 508] : [0]));
    return fc
      .record({
        control: fc.constant(c),
        w: fc.constant(w),
        root: fc.oneof(
          { weight: 30, arbitrary: fc.nat(PDPT - 1) },
          { weight: 1, arbitrary: fc.constant(TABLES) },
        ),
        pdptSlot,
        entries: entries(slots),
        looks: fc.array(look(c.mode, w), { minLength: LOOKS, maxLength: LOOKS }),
      })
      .map((g) => ({ ...g, entries: [...g.entries.tables, ...at(g.pdptSlot, g.entries.pdptes)] }));
  });
}

type Content = Pick<Entry, "frame" | "flags">;

function entries(slots: readonly number[]): fc.Arbitrary<{ tables: Entry[]; pdptes: Content[] }> {
  const places = [...Array(PDPT).keys()].flatMap((table) => slots.map((slot) => ({ table, slot })));
  return fc.record({
    tables: fc
      .array(fc.record({ frame, flags }), { minLength: places.length, maxLength: places.length })
      .map((contents) => contents.map((content, i) => ({ ...places[i]!, ...content }))),
    pdptes: fc.array(fc.record({ frame: pdpteFrame, flags: pdpteFlags }), {
      minLength: 4,
      maxLength: 4,
    }),
  });
}

function at(slot: number, pdptes: readonly Content[]): Entry[] {
  return pdptes.map((content, i) => ({ table: PDPT, slot: slot + i, ...content }));
}

/** An access to an address whose slots are used ones: canonical, but for one in fifteen. */
function look(mode: keyof typeof LEVELS, w: 9 | 2): fc.Arbitrary<Look> {
  const levels = LEVELS[mode];
  const bits = mode === "pae" ? 12 + 2 * w + 2 : 12 + levels * w;
  return fc
    .tuple(
      fc.array(fc.constantFrom(...SLOTS[w]), { minLength: levels, maxLength: levels }),
      fc.nat(4095),
      fc.oneof(
        { weight: 30, arbitrary: fc.constant(0n) },
        { weight: 1, arbitrary: fc.integer({ min: bits, max: 63 }).map((n) => 1n << BigInt(n)) },
        { weight: 1, arbitrary: fc.constant(BigInt.asUintN(64, -1n << BigInt(bits))) },
      ),
      fc.constantFrom("r" as const, "w" as const, "x" as const),
      fc.boolean(),
      fc.constantFrom(0 as const, 3 as const),
    )
    .map(([slots, offset, wrong, kind, AC, CPL]) => {
      const low = slots.reduce((la, slot) => (la << BigInt(w)) | BigInt(slot), 0n) * 4096n + BigInt(offset);
      const la =
        mode === "pae" ? BigInt.asUintN(bits, low) : BigInt.asUintN(64, BigInt.asIntN(bits, low)) ^ wrong;
      return { la, kind, AC, CPL };
    });
}
