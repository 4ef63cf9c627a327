/**
 * Runs recorded walks on the modelled processor, in the recording machine's memory.
 *
 * Differs: no load or store follows the walk, so the quadword that a write hit keeps its contents; the
 *          recordings leave that entry out.
 */
import { mfn, type Mfn } from "../../abi/frames.js";
import { PtMemory } from "../../abi/memory.js";
import { _PAGE_ACCESSED, _PAGE_DIRTY, X86_EXC_GP, X86_EXC_PF } from "../../abi/page.js";
import { State } from "../../abi/state.js";
import {
  ACCESS_FETCH,
  ACCESS_READ,
  ACCESS_WRITE,
  WalkControl,
  type PagingLevels,
} from "../../xen-model/hw/control.js";
import { load_pdptes } from "../../xen-model/hw/pdpte.js";
import { show_page_walk, type ShownEntry } from "../../xen-model/hw/show-page-walk.js";
import { canonical_vpn, NOT_CANONICAL, walk, Walk, WALK_OK } from "../../xen-model/hw/walk.js";
import { entryValue, placeOf, RAM_FRAMES, TABLE_FRAMES, tableFrame } from "./places.js";
import type { WalkResult, WalkScenario } from "./walk-case.js";

const ACCESS = { r: ACCESS_READ, w: ACCESS_WRITE, x: ACCESS_FETCH } as const;
const LEVELS: Record<WalkScenario["mode"], PagingLevels> = { pae: 3, "4level": 4, "5level": 5 };
const GEOMETRY = { nrFrames: RAM_FRAMES, nrTables: TABLE_FRAMES, ptes: 512 };

/** One memory for any number of walks: each finds its own tables and nothing else. */
export class CaseRunner {
  private readonly mem = new PtMemory(new State(PtMemory.bytes(GEOMETRY)), GEOMETRY);
  private readonly control = new WalkControl();
  private readonly out = new Walk();

  /** What the modelled processor does, in the words of the recordings. */
  run(c: WalkScenario): WalkResult {
    return this.inMemory(c, () => this.access(c));
  }

  /** What Xen would print of the tables, before the access. */
  show(c: WalkScenario): ShownEntry[] {
    return this.inMemory(c, () => {
      if (!this.load_cr3(c)) return [];
      const vpn = this.vpn(c);
      return vpn === NOT_CANONICAL ? [] : show_page_walk(this.mem, this.control, root(c), vpn);
    });
  }

  private inMemory<T>(c: WalkScenario, body: () => T): T {
    const { mem } = this;
    for (const { table, slot, value } of entriesOf(c)) {
      mem.set(table, slot, Number((value >> 12n) & 0xffffffffffn), flagsOf(value));
    }
    this.setControl(c);
    const result = body();
    for (const { table, slot } of entriesOf(c)) mem.set(table, slot, 0, 0);
    return result;
  }

  private setControl(c: WalkScenario): void {
    const { control } = this;
    control.set_maxphyaddr(c.maxphyaddr);
    control.levels = LEVELS[c.mode];
    control.wp = c.cr0wp === 1;
    control.smep = c.smep === 1;
    control.smap = c.smap === 1;
    control.nxe = c.nxe === 1;
    control.pge = c.pge === 1;
    control.pke = c.pke === 1;
    control.pkru = Number(c.pkru);
    control.ac = c.ac === 1;
    control.cpl = c.cpl;
  }

  private access(c: WalkScenario): WalkResult {
    if (!this.load_cr3(c)) return { fault: { vector: X86_EXC_GP, error: 0, at: "cr3" }, ad: {} };
    const vpn = this.vpn(c);
    if (vpn === NOT_CANONICAL) return { fault: { vector: X86_EXC_GP, error: 0 }, ad: {} };

    const error = walk(this.mem, this.control, root(c), vpn, ACCESS[c.access], this.out);
    if (error !== WALK_OK) return { fault: { vector: X86_EXC_PF, error, cr2: c.va }, ad: this.marks(c, NaN) };
    const address = this.out.frame * 4096 + Number(BigInt(c.va) & 0xfffn);
    return { ok: true, pa: placeOf(address), ad: this.marks(c, c.access === "w" ? address : NaN) };
  }

  /** Returns false for #GP. CR3 bits 11:5 place the PDPTEs within their frame. */
  private load_cr3(c: WalkScenario): boolean {
    if (c.mode !== "pae") return true;
    return load_pdptes(this.mem, this.control, root(c), Number((entryValue(c.cr3) & 0xfe0n) / 8n));
  }

  private vpn(c: WalkScenario): ReturnType<typeof canonical_vpn> {
    return canonical_vpn(Number(BigInt(c.va) >> 12n), this.control.levels, GEOMETRY.ptes);
  }

  /** Entries in which A or D came on, but for the quadword at `written`. */
  private marks(c: WalkScenario, written: number): WalkResult["ad"] {
    const ad: WalkResult["ad"] = {};
    for (const { name, table, slot, value } of entriesOf(c)) {
      if (table * 4096 + slot * 8 === written) continue;
      const on = this.mem.flags(table, slot) & ~flagsOf(value);
      const mark = ((on & _PAGE_ACCESSED) !== 0 ? "A" : "") + ((on & _PAGE_DIRTY) !== 0 ? "D" : "");
      if (mark !== "") ad[`${name}[${slot}]`] = mark as "A" | "D" | "AD";
    }
    return ad;
  }
}

function root(c: WalkScenario): Mfn {
  return mfn(Number((entryValue(c.cr3) >> 12n) & 0xffffffffffn));
}

function* entriesOf(
  c: WalkScenario,
): Generator<{ name: string; table: number; slot: number; value: bigint }> {
  for (const [name, entries] of Object.entries(c.tables)) {
    for (const [slot, text] of Object.entries(entries)) {
      yield { name, table: tableFrame(name), slot: Number(slot), value: entryValue(text) };
    }
  }
}

/** Entry bits 63:52 and 11:0, as the 24 flags. */
function flagsOf(value: bigint): number {
  return Number(((value >> 52n) << 12n) | (value & 0xfffn));
}
