import { expect } from "chai";
import { State } from "../../abi/state.js";
import { mulberry32 } from "../../experiments/synthetic/seed.js";
import { VmapTable } from "../../linux-mm-model/vmalloc.js";

const SIZES = [1, 4, 4, 4, 5, 6, 16];

describe("areas of vmalloc()", () => {
  it("are used again for one of their size, before new ones are made, and never twice at once", () => {
    const table = new VmapTable(new State(1 << 16), 400);
    const random = mulberry32(3);
    const live = new Map<number, number>();
    const freed: { row: number; pages: number }[] = [];
    let rows = 0;
    for (let i = 0; i < 3000; i++) {
      const [row] = [...live.keys()].slice(Math.floor(random() * live.size));
      if (row !== undefined && random() < 0.48) {
        freed.push({ row, pages: live.get(row)! });
        live.delete(row);
        table.put(row);
        continue;
      }
      const pages = SIZES[Math.floor(random() * SIZES.length)]!;
      const known = freed.findLastIndex((area) => area.pages === pages);
      const expected = known < 0 ? rows++ : freed.splice(known, 1)[0]!.row;
      expect(table.alloc(pages)).to.equal(expected);
      expect(table.pages[expected]).to.equal(pages);
      expect(live.has(expected)).to.equal(false);
      live.set(expected, pages);
    }
    const areas = [...live.keys()].map((row) => [table.start[row]!, table.pages[row]!] as const);
    areas.sort(([a], [b]) => a - b);
    areas.forEach(([start, pages], i) => {
      if (i + 1 < areas.length)
        expect(start + pages, "a guard page behind each").to.be.below(areas[i + 1]![0]);
    });
  });

  it("end the model where there are more than it has room for", () => {
    const table = new VmapTable(new State(1 << 16), 2);
    table.alloc(4);
    table.alloc(4);
    expect(() => table.alloc(4)).to.throw("VmapTable: 2 areas are in use; raise maxTasks");
  });
});
