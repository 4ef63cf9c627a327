/** The fast walk against the plain one, on as many random graphs of six tables as the suite has time for. */
import { expect } from "chai";
import fc from "fast-check";
import { mfn } from "../../../abi/frames.js";
import { PtMemory } from "../../../abi/memory.js";
import { X86_EXC_GP, X86_EXC_PF } from "../../../abi/page.js";
import { State } from "../../../abi/state.js";
import { WalkControl, type Access } from "../../../xen-model/hw/control.js";
import { load_pdptes } from "../../../xen-model/hw/pdpte.js";
import { canonical_vpn, NOT_CANONICAL, walk, Walk, WALK_OK } from "../../../xen-model/hw/walk.js";
import { plainLoadPdptes, plainWalk, type PlainMemory, type PlainOutcome } from "./plain-walk.js";
import { graph, PDPT, TABLES, type Graph, type Look } from "./walk-graphs.js";

const KINDS = ["r", "w", "x"] as const;
const LEVELS = { pae: 3, "4level": 4, "5level": 5 } as const;

/** Both memories of one graph, and the control state of the fast walk. */
class Machine {
  readonly mem: PtMemory;
  readonly control: WalkControl;
  readonly plain: PlainMemory = new Map();
  readonly out = new Walk();
  private readonly before: Uint32Array;

  constructor(readonly graph: Graph) {
    const { control, w, entries } = graph;
    const geometry = { nrFrames: 1 << 20, nrTables: TABLES, ptes: 2 ** w };
    this.mem = new PtMemory(new State(PtMemory.bytes(geometry)), geometry);
    for (const { table, slot, frame, flags } of entries) {
      this.mem.set(table, slot, frame, flags);
      this.plain.set(addressOf(table, slot), valueOf(frame, flags));
    }
    this.before = this.mem.words.slice();

    const c = (this.control = new WalkControl(control.maxphyaddr));
    c.levels = LEVELS[control.mode];
    [c.wp, c.smep, c.smap, c.nxe, c.pke] = [control.WP, control.SMEP, control.SMAP, control.NXE, control.PKE];
    c.pkru = Number(control.PKRU);
  }

  /** The fast walk of one look, told in the plain walk's words. */
  fast({ la, kind, AC, CPL }: Look): Omit<PlainOutcome, "why"> {
    const { mem, control, graph, out } = this;
    [control.ac, control.cpl] = [AC, CPL];
    const vpn = canonical_vpn(Number(la >> 12n), control.levels, mem.ptes);
    if (vpn === NOT_CANONICAL) return { vector: X86_EXC_GP, error: 0 };
    const error = walk(mem, control, mfn(graph.root), vpn, KINDS.indexOf(kind) as Access, out);
    return error === WALK_OK
      ? { pa: BigInt(out.frame) * 4096n + (la & 0xfffn) }
      : { vector: X86_EXC_PF, error };
  }

  /** Memory as it is after `plain`'s changes, in words. */
  wordsAfter(plain: PlainMemory): Uint32Array {
    const words = this.before.slice();
    for (const [at, value] of plain) {
      if (value === this.plain.get(at)) continue;
      const i = this.mem.at(Number(at >> 12n), Number(at & 0xfffn) / 8);
      words[i + 1] = words[i + 1]! | Number(value & 0x60n); // nothing but A and D ever changes
    }
    return words;
  }

  restore(): void {
    this.mem.words.set(this.before);
  }
}

/** Compare both on `graphs` of them, drawn anew or from `seed`, and see that every rule of paging was met. */
export function equalsThePlainWalk(graphs: number, seed?: number): void {
  const seen = new Map<string, number>();
  let accesses = 0;

  it(`equals the plain walk on ${graphs} random graphs of tables: answer, address, error code, A and D`, () => {
    fc.assert(
      fc.property(graph(), (g) => {
        const m = new Machine(g);
        const cr3 = addressOf(g.root, 0);
        const loaded = plainLoadPdptes(m.plain, g.control, addressOf(PDPT, g.pdptSlot));
        if (g.control.mode === "pae") {
          expect(load_pdptes(m.mem, m.control, mfn(PDPT), g.pdptSlot)).to.equal(loaded !== "#GP");
          count(loaded === "#GP" ? "pae: #GP at CR3" : "pae: CR3 loaded");
        }
        const pdptes = loaded === "#GP" ? [0n, 0n, 0n, 0n] : loaded; // those of before: none

        for (const look of g.looks) {
          const plain = new Map(m.plain);
          const control = { ...g.control, AC: look.AC, CPL: look.CPL };
          const { why, ...expected } = plainWalk(plain, control, cr3, pdptes, look.la, look.kind, g.w);
          const got = m.fast(look);
          if (!same(got, expected)) expect(got, why).to.deep.equal(expected);
          if (!bytes(m.mem.words).equals(bytes(m.wordsAfter(plain)))) expect.fail(`A and D differ: ${why}`);
          m.restore();
          count(`${g.control.mode}: ${why}`);
          accesses++;
        }
      }),
      { numRuns: graphs, ...(seed === undefined ? {} : { seed }) },
    );
  });

  it("was compared on at least six accesses a graph", () => expect(accesses).to.be.at.least(6 * graphs));

  for (const mode of ["pae", "4level", "5level"] as const) {
    it(`met every rule of ${mode} paging while it was compared`, () => {
      const missed = rulesOf(mode).filter((rule) => (seen.get(`${mode}: ${rule}`) ?? 0) === 0);
      expect(missed).to.deep.equal([]);
    });
  }

  function count(what: string): void {
    seen.set(what, (seen.get(what) ?? 0) + 1);
  }
}

function same(a: Omit<PlainOutcome, "why">, b: Omit<PlainOutcome, "why">): boolean {
  return a.pa === b.pa && a.vector === b.vector && a.error === b.error;
}

function bytes(words: Uint32Array): Buffer {
  return Buffer.from(words.buffer, words.byteOffset, words.byteLength);
}

function addressOf(table: number, slot: number): bigint {
  return BigInt(table) * 4096n + BigInt(slot) * 8n;
}

function valueOf(frame: number, flags: number): bigint {
  return (BigInt(flags >>> 12) << 52n) | (BigInt(frame) << 12n) | BigInt(flags & 0xfff);
}

/** Every sentence that can decide a walk in `mode`, as plain-walk.ts words them. */
function rulesOf(mode: keyof typeof LEVELS): string[] {
  const long = mode !== "pae";
  const levels = mode === "5level" ? [5, 4, 3, 2, 1] : mode === "4level" ? [4, 3, 2, 1] : [2, 1];
  const keys = long
    ? ["user r", "user w", "supervisor r", "supervisor w", "SMAP read, key", "SMAP write, key"].concat(
        "SMAP write without WP, key",
        "user-mode write, key",
        "WP, user-mode address, key",
      )
    : [];
  const denied = [
    ...["SMAP read", "SMAP write", "SMAP write without WP", "SMEP", "XD, user", "user-mode write"],
    ...["WP, supervisor-mode address", "WP, user-mode address"],
    ...["XD, supervisor-mode address", "XD, user-mode address, supervisor"],
    ...["r", "w", "x"].map((kind) => `user-mode ${kind} of a supervisor-mode address`),
    ...keys.map((why) => (/^(user|supervisor) [rw]$/.test(why) ? `${why}, key` : why)),
  ];
  const leaves = long ? [1, 2, 3] : [1, 2];
  return [
    ...levels.map((level) => `level ${level} not present`),
    ...levels.flatMap((level) =>
      [`MAXPHYADDR at level ${level}`, `XD without NXE at level ${level}`].map(reserved),
    ),
    ...(long ? ["bit 7 of a PML4E", "bits 29:13 of a 1-GByte page"].map(reserved) : []),
    ...(mode === "5level" ? [reserved("bit 7 of a PML5E")] : []),
    ...(long ? ["not canonical"] : ["#GP at CR3", "CR3 loaded", "PDPTE not present"]),
    ...(long ? [] : levels.map((level) => reserved(`bits 62:52 at level ${level}`))),
    reserved("bits 20:13 of a 2-MByte page"),
    ...denied.map((why) => `denied: ${why}`),
    ...leaves.flatMap((level) =>
      ["user r of a user", "user w of a user", "user x of a user", "supervisor r of a user"]
        .concat("supervisor w of a user", "supervisor x of a user", "supervisor r of a supervisor")
        .concat("supervisor w of a supervisor", "supervisor x of a supervisor")
        .map((rights) => `level ${level}, ${rights}-mode address`),
    ),
  ];
}

function reserved(what: string): string {
  return `reserved: ${what}`;
}
