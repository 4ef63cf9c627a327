/** The tree of an mm's VMAs: what it finds, and that its shape is one of its contents alone. */
import { expect } from "chai";
import fc from "fast-check";
import { State } from "../../abi/state.js";
import { NO_FILE, NO_VMA, VmaTable } from "../../linux-mm-model/vma.js";

const MAX = 64;
const END = 1000;

/** VMAs that do not overlap, by their addresses; and an order to take them in. */
const layout = fc
  .array(fc.tuple(fc.integer({ min: 0, max: 12 }), fc.integer({ min: 1, max: 12 })), {
    maxLength: 40,
    size: "max",
  })
  .chain((parts) =>
    fc.tuple(fc.constant(parts), fc.shuffledSubarray([...parts.keys()], { minLength: parts.length })),
  );

interface Tree {
  readonly vmas: VmaTable;
  readonly bytes: Buffer;
  /** Rows by address. */
  readonly rows: number[];
  readonly root: number;
}

/** A tree of VMAs at gaps and lengths `parts`, put into it in the order `order`. */
function tree(parts: readonly (readonly [number, number])[], order: readonly number[]): Tree {
  const state = new State(2 ** 14);
  const vmas = new VmaTable(state, MAX, 1);
  vmas.init();
  let page = 0;
  const rows = parts.map(([gap, length]) => {
    const start = page + gap;
    page = start + length;
    return vmas.vm_area_alloc(start, page, 0, NO_FILE, start);
  });
  const root = order.reduce((at, i) => vmas.insert(at, rows[i]!), NO_VMA);
  return { vmas, bytes: Buffer.from(state.buffer), rows, root };
}

const inOrder = (parts: readonly unknown[]) => [...parts.keys()];

describe("the tree of VMAs", () => {
  it("does not depend on the order in which they went in, in any byte", () => {
    fc.assert(
      fc.property(layout, ([parts, order]) => {
        const [one, other] = [tree(parts, inOrder(parts)), tree(parts, order)];
        expect(other.root).to.equal(one.root);
        expect(other.bytes.equals(one.bytes)).to.equal(true);
      }),
    );
  });

  it("finds the first VMA that ends behind a page, with the one before it (find_vma(), find_vma_prev())", () => {
    fc.assert(
      fc.property(layout, fc.nat(END), ([parts, order], page) => {
        const { vmas, rows, root } = tree(parts, order);
        const at = rows.findIndex((row) => vmas.end[row]! > page);
        const next = at < 0 ? NO_VMA : rows[at]!;
        const prev = (at < 0 ? rows.at(-1) : rows[at - 1]) ?? NO_VMA;
        expect(vmas.find_vma(root, page)).to.equal(next);
        expect([vmas.find_vma_prev(root, page), vmas.prev]).to.deep.equal([next, prev]);
      }),
    );
  });

  it("lists those of a range by their addresses", () => {
    fc.assert(
      fc.property(
        layout,
        fc.nat(300),
        fc.oneof(fc.nat(300), fc.constant(Infinity)),
        ([parts, order], start, length) => {
          const { vmas, rows, root } = tree(parts, order);
          const end = start + length;
          const n = vmas.list(root, start, end);
          const expected = rows.filter((row) => vmas.end[row]! > start && vmas.start[row]! < end);
          expect([...vmas.listed.subarray(0, n)]).to.deep.equal(expected);
        },
      ),
    );
  });

  it("is taken down as a whole as VMA by VMA from the first on, in every byte", () => {
    fc.assert(
      fc.property(layout, ([parts, order]) => {
        const [whole, single] = [tree(parts, order), tree(parts, order)];
        whole.vmas.free_all(whole.vmas.list(whole.root, 0, Infinity));
        let { root } = single;
        for (const row of single.rows) {
          root = single.vmas.remove(root, row);
          single.vmas.vm_area_free(row);
        }
        expect(root).to.equal(NO_VMA);
        expect(whole.bytes.equals(single.bytes)).to.equal(true);
      }),
    );
  });
});
