/**
 * Hypercall scripts that fast-check invents, and shrinks: on few pages and few slots, so that things meet.
 *
 * Page p<n> is mostly meant as a table of level n % 4 + 1 and filled with entries that suit it, so that trees come
 * about; now and then anything goes anywhere.
 */
import fc from "fast-check";
import type { Call, Extended, Op, Update } from "../../experiments/replay/script.js";

export const PAGES = 12;

const pageNo = fc.nat(PAGES - 1);
const page = pageNo.map((n) => `p${n}`);
const tables = fc.constantFrom("base_l4", "base_l3", "base_l2", "base_l1");
const frame = fc.oneof(
  { weight: 20, arbitrary: page },
  { weight: 2, arbitrary: tables },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      "none",
      "raw:0xa0",
      "raw:0xfee00",
      "raw:0xffffffffff",
      "xen:261",
      "shared_info",
      "free",
    ),
  },
);
/** P|RW|US|A|D and less; then what is refused somewhere, or changed. */
const flags = fc.oneof(
  { weight: 30, arbitrary: fc.constantFrom("0x67", "0x65", "0x25", "0x27") },
  {
    weight: 1,
    arbitrary: fc.constantFrom("0x0", "0x61", "0x63", "0xe7", "0x167", "0x7f", "0x8000000000000065"),
  },
);
const anyEntry = fc.tuple(frame, flags).map(([f, bits]) => `${f}|${bits}`);
/** An entry for a table of `level`: of the level below, read-only of its own, or data. */
const entryFor = (level: number): fc.Arbitrary<string> => {
  const below = fc.nat(PAGES / 4 - 1).map((i) => `p${i * 4 + ((level + 2) % 4)}`);
  const same = fc.nat(PAGES / 4 - 1).map((i) => `p${i * 4 + level - 1}|0x25`);
  // data is mapped read-only, mostly: a writable mapping of a table-to-be is the end of its tree
  const readOnly = fc.constantFrom("0x65", "0x61", "0x8000000000000065");
  const bits =
    level === 1 ? fc.oneof({ weight: 15, arbitrary: readOnly }, { weight: 1, arbitrary: flags }) : flags;
  return fc.oneof(
    { weight: 20, arbitrary: fc.tuple(below, bits).map(([f, b]) => `${f}|${b}`) },
    { weight: level === 1 ? 0 : 3, arbitrary: same },
    { weight: 1, arbitrary: anyEntry },
    { weight: 4, arbitrary: fc.constant("none|0x0") },
  );
};
const index = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(0, 1, 2, 3, 511) },
  { weight: 1, arbitrary: fc.constantFrom(255, 256, 258, 271, 272, 428) },
);
const levelOf = (name: string): number => (Number(name.slice(1)) % 4) + 1;

const update: fc.Arbitrary<Update> = fc.oneof(
  {
    weight: 8,
    arbitrary: page.chain((table) =>
      fc.record({
        cmd: fc.constantFrom<Update["cmd"]>("normal", "normal", "normal", "preserve_ad", "no_translate"),
        table: fc.constant(table),
        index,
        entry: entryFor(levelOf(table)),
      }),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.record({ cmd: fc.constant<Update["cmd"]>("normal"), table: frame, index, entry: anyEntry }),
  },
  // below a kernel mapping that stays: a free slot of the guest's own tables
  {
    weight: 2,
    arbitrary: fc.record({
      cmd: fc.constant<Update["cmd"]>("normal"),
      table: fc.constantFrom("base_l4", "base_l3", "base_l2"),
      index: fc.constantFrom(8, 9),
      entry: anyEntry,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      cmd: fc.constant<Update["cmd"]>("machphys"),
      table: frame,
      gpfn: fc.constant("0x5"),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ cmd: fc.integer({ min: 4, max: 7 }), table: page, index, entry: anyEntry }),
  },
);

const extended: fc.Arbitrary<Extended> = fc.oneof(
  { weight: 12, arbitrary: page.map((p) => ({ cmd: `pin_l${levelOf(p)}`, frame: p })) },
  {
    weight: 2,
    arbitrary: fc.record({ cmd: fc.constantFrom("pin_l1", "pin_l2", "pin_l3", "pin_l4"), frame }),
  },
  { weight: 6, arbitrary: fc.record({ cmd: fc.constant("unpin"), frame: page }) },
  {
    weight: 2,
    arbitrary: fc.record({
      cmd: fc.constantFrom("new_baseptr", "new_user_baseptr"),
      frame: fc.constantFrom("base_l4", "p3", "p7", "p11"),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ cmd: "new_user_baseptr", frame: "none" }) },
  { weight: 1, arbitrary: fc.record({ cmd: fc.constant("clear_page"), frame }) },
  { weight: 1, arbitrary: fc.record({ cmd: fc.constant("copy_page"), frame, src: frame }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Extended>(
      { cmd: "tlb_flush_all" },
      { cmd: "invlpg_all", va: "0x1000" },
      { cmd: 14 },
    ),
  },
);

const some = <T>(of: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.array(of, { minLength: 1, maxLength: 3 });

export const call: fc.Arbitrary<Call> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ op: fc.constant("mmu_update" as const), updates: some(update) }) },
  { weight: 4, arbitrary: fc.record({ op: fc.constant("mmuext" as const), ops: some(extended) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant("home" as const),
      page,
      access: fc.constantFrom("ro" as const, "ro" as const, "ro" as const, "rw" as const, "none" as const),
      flush: fc.constantFrom("none" as const, "invlpg_all" as const),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      op: fc.constant("update_va_mapping" as const),
      va: fc.constantFrom("0x0", "0x1000", "p3+0x0", "0xffffff8000000000", "0x8000000000000000"),
      entry: anyEntry,
    }),
  },
);

const vcpu = fc.nat(1);

/** Write a table's first entries, and map it read-only: two steps towards a table. */
const fillOf = (p: string): fc.Arbitrary<Op[]> =>
  fc
    .array(entryFor(levelOf(p)), { maxLength: 4 })
    .map((entries): Op[] => [
      { op: "home", page: p, access: "rw" },
      ...entries.map((entry, i): Op => ({ op: "write", page: p, index: i, entry })),
      { op: "home", page: p, access: "ro" },
    ]);

const fill: fc.Arbitrary<Op[]> = page.chain(fillOf);

const step: fc.Arbitrary<Op[]> = fc.oneof(
  { weight: 3, arbitrary: fill },
  { weight: 8, arbitrary: fc.tuple(call, vcpu).map(([c, v]): Op[] => [{ ...c, vcpu: v }]) },
  {
    weight: 1,
    arbitrary: fc.tuple(some(call), vcpu).map(([calls, v]): Op[] => [{ op: "multicall", vcpu: v, calls }]),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(page, fc.nat(2), vcpu)
      .map(([p, n, v]): Op[] => [{ op: "set_gdt", vcpu: v, frames: [p, "p0"], entries: n * 512 }]),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(page, index, anyEntry, vcpu)
      .map(([p, i, entry, v]): Op[] => [{ op: "write", vcpu: v, page: p, index: i, entry, noflush: true }]),
  },
);

/** All pages filled, as tables to be. */
export const filled: fc.Arbitrary<Op[]> = fc
  .tuple(...Array.from({ length: PAGES }, (_, n) => fillOf(`p${n}`)))
  .map((ops) => ops.flat());

/** Ops of both vCPUs, one after the other. */
export const script: fc.Arbitrary<Op[]> = fc
  .tuple(filled, fc.array(step, { minLength: 4, maxLength: 24 }))
  .map(([first, steps]) => [...first, ...steps.flat()]);

/** What a vCPU does next, of two that are both in the middle of hypercalls. */
export interface Turn {
  readonly vcpu: number;
  /** If its last call has ended: make this one. Else go on with that. */
  readonly call: Call;
}

export const turns: fc.Arbitrary<Turn[]> = fc.array(fc.record({ vcpu, call }), {
  minLength: 8,
  maxLength: 40,
});
