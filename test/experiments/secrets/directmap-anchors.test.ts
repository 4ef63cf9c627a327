/**
 * Published costs of directmap removal (facts/xen.md 5.3), as anchors: experiments/anchors/directmap-*.yaml.
 *
 * What a walk maps is counted on the mapcache; the anchors' events are these counts, and their base is an estimate that they
 * state.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { parse } from "yaml";
import type { EventName } from "../../../abi/events.js";
import type { EventCounts } from "../../../abi/ledger.js";
import { defineProposal } from "../../../abi/proposal.js";
import { priceLedger } from "../../../experiments/costs/price.js";
import { readProfile } from "../../../experiments/costs/profile.js";
import { bootedMachine } from "../../../machine/fixtures.js";
import { guest_walk_tables, type HvmTables } from "../../../xen-model/hvm-walk.js";
import { ROOT } from "../../pvtwin.js";

type Ept = "mapped" | "demand";

const EVENTS = ["map_domain_page", "mapcache_miss", "mapcache_wrap", "tlb_flush", "invpcid_all"] as const;
const TURNS = 2000;

/** A machine without a directmap, each vCPU with a mapcache of its own, as the measurements had it. */
function machine() {
  return bootedMachine(
    defineProposal({
      name: "no-directmap",
      title: "t",
      question: "q",
      linux: { top: "shared-pgd" },
      xen: { root: "shared", layout: { directmap: false, mapcache: "vcpu" } },
    }),
  );
}

/**
 * Tables of two walks, for an instruction and its operand: they share the guest's and EPT's upper two levels. Frames come
 * from all over memory, by a fixed sequence.
 */
function twoWalks(seed: number): [HvmTables, HvmTables] {
  let state = seed * 0x9e3779b1;
  const frame = (): number => {
    state ^= state << 13; // xorshift32
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 8;
  };
  const [ept4, ept3, top4, top3] = [frame(), frame(), frame(), frame()];
  const below = (): number[] => [frame(), frame(), ept3, ept4]; // EPT's L1, L2, L3, L4
  const ofTop = [below(), below()];
  const walk = (): HvmTables => ({
    guest: [frame(), frame(), top3, top4],
    ept: [below(), below(), ...ofTop],
  });
  return [walk(), walk()];
}

/** Events of one turn with two walks, on average over frames and turns. */
function perTurn(ept: Ept): Record<(typeof EVENTS)[number], number> {
  const { xen, ledger } = machine();
  const before = EVENTS.map((name) => ledger.total(name));
  for (let turn = 0; turn < TURNS; turn++) {
    for (const tables of twoWalks(1 + Math.floor(turn / 100)))
      guest_walk_tables(xen, 0, tables, { directmap: false, ept });
  }
  return Object.fromEntries(
    EVENTS.map((name, i) => [name, (ledger.total(name) - before[i]!) / TURNS]),
  ) as Record<(typeof EVENTS)[number], number>;
}

interface Anchor {
  published: { value: number };
  experiment: { profile: string; more: EventCounts; baseInstructions: number };
  band: { low: number; high: number };
  reason?: string;
}

const anchor = (name: string): Anchor =>
  parse(readFileSync(join(ROOT, "experiments", "anchors", `${name}.yaml`), "utf8")) as Anchor;

/** Percent lost: what the events add, of all. */
function lost({ experiment }: Anchor): number {
  const profile = readProfile(experiment.profile);
  const added = priceLedger(profile, experiment.more, {}).cycles.likely;
  const base = experiment.baseInstructions * profile.constants.cycles_per_instruction.likely;
  return (100 * added) / (added + base);
}

describe("an HVM guest's walk without a directmap", () => {
  const maps = (ept: Ept): number => perTurn(ept).map_domain_page / 2;

  it("maps 20 pages where EPT pages are mapped on demand, and 4 where they stay mapped (Xia, 2020)", () => {
    expect([maps("demand"), maps("mapped")]).to.deep.equal([20, 4]);
  });

  it("with a directmap maps nothing", () => {
    const { xen, ledger } = machine();
    const before = ledger.total("map_domain_page");
    guest_walk_tables(xen, 0, twoWalks(1)[0], { directmap: true, ept: "mapped" });
    expect(ledger.total("map_domain_page")).to.equal(before);
  });
});

describe("the anchors of directmap removal", () => {
  const OUTSIDE = "directmap-ept-mapped";
  const NAMES = ["directmap-ept-demand", "directmap-ept-mapped", "directmap-hpet-loop"];

  for (const name of NAMES) {
    it(`${name}: its events are those that the mapcache counts for two walks`, () => {
      const counted = perTurn(name === "directmap-ept-mapped" ? "mapped" : "demand");
      const { more } = anchor(name).experiment;
      for (const event of EVENTS)
        expect(more[event as EventName] ?? 0, event).to.be.closeTo(
          counted[event],
          0.05 + counted[event] / 20,
        );
    });

    it(`${name}: ${name === OUTSIDE ? "is above its band, and says why" : "is in its band"}`, () => {
      const { band, reason, ...rest } = anchor(name);
      const modelled = lost({ band, ...rest });
      if (name === OUTSIDE) expect(modelled).to.be.within(band.high, 2 * band.high);
      else expect(modelled).to.be.within(band.low, band.high);
      expect(reason !== undefined).to.equal(name === OUTSIDE);
    });
  }

  it("have their order: the loop loses most, servers less, and next to nothing where EPT stays mapped", () => {
    const [demand, mapped, hpet] = NAMES.map((name) => lost(anchor(name)));
    expect(hpet!).to.be.greaterThan(demand!);
    expect(demand!).to.be.greaterThan(3 * mapped!);
  });
});
