/** Work by rates happens in the order of time, window by window as if all of it had been sorted at once. */
import { expect } from "chai";
import {
  duration,
  forEachHappening,
  HAPPENINGS,
  type Rates,
} from "../../../experiments/synthetic/happenings.js";
import { mulberry32 } from "../../../experiments/synthetic/seed.js";

const KINDS = ["sameMmSwitches", "otherMmSwitches", "syscalls", "slotChurn", "forks"] as const;
type Name = (typeof HAPPENINGS)[number];
const NOTHING: Rates = {
  vcpus: 1,
  sameMmSwitches: 0,
  otherMmSwitches: 0,
  syscalls: 0,
  slotChurn: 0,
  forks: 0,
  idle: 0,
};

const happenings = (rates: Rates, seconds: number, seed = 0): [number, Name][] => {
  const all: [number, Name][] = [];
  forEachHappening(rates, seed, seconds, { happen: (vcpu, what) => all.push([vcpu, HAPPENINGS[what]!]) });
  return all;
};

/** The plain form: everything, then one sort by time, vCPU and kind. */
function plain(rates: Rates, seconds: number, seed: number): [number, Name][] {
  const random = mulberry32(seed);
  const active = 0.01 * (1 - rates.idle);
  const all: { at: number; vcpu: number; order: number; kind: Name }[] = [];
  for (let vcpu = 0; vcpu < rates.vcpus; vcpu++) {
    for (const kind of KINDS) {
      const phase = random();
      for (let i = 0; i < Math.floor(rates[kind] * seconds + phase); i++) {
        const busy = ((i + phase) / rates[kind]) * (1 - rates.idle);
        const turn = Math.floor(busy / active);
        all.push({ at: turn * 0.01 + (0.01 - active) + (busy - turn * active), vcpu, order: 1, kind });
      }
    }
    for (let turn = 0; rates.idle > 0 && turn < Math.round(seconds / 0.01); turn++) {
      all.push({ at: turn * 0.01, vcpu, order: 2, kind: "idle" });
      all.push({ at: turn * 0.01 + (0.01 - active), vcpu, order: 0, kind: "wake" });
    }
  }
  all.sort((a, b) => a.at - b.at || a.vcpu - b.vcpu || a.order - b.order);
  return all.map(({ vcpu, kind }) => [vcpu, kind]);
}

describe("when what happens in work by rates", () => {
  it("is in the order of one sort by time, then vCPU, then kind, for any rates", () => {
    const random = mulberry32(7);
    const rate = () => (random() < 0.3 ? 0 : Math.floor(3000 * random()));
    for (let round = 0; round < 12; round++) {
      const rates = {
        vcpus: 1 + Math.floor(40 * random()),
        sameMmSwitches: rate(),
        otherMmSwitches: rate(),
        syscalls: rate(),
        slotChurn: rate(),
        forks: rate(),
        idle: round % 3 === 0 ? 0 : random(),
      };
      const seconds = duration(rates, 5000);
      expect(happenings(rates, seconds, round), JSON.stringify(rates)).to.deep.equal(
        plain(rates, seconds, round),
      );
    }
  });

  it("keeps its order where many happen at one moment", () => {
    const rates = { ...NOTHING, vcpus: 300, idle: 0.999, syscalls: 40 };
    expect(happenings(rates, 0.5)).to.deep.equal(plain(rates, 0.5, 0));
  });

  it("lasts whole turns of 10 ms, until so many have happened, and a second at the most", () => {
    const rates = { ...NOTHING, vcpus: 2, syscalls: 1000 };
    expect(duration(rates, 101)).to.be.closeTo(0.06, 1e-9);
    expect(duration(rates, 1e6)).to.be.closeTo(1, 1e-9);
    expect(duration(NOTHING, 3000)).to.be.closeTo(1, 1e-9);
  });

  it("is nothing where all rates are 0", () => {
    expect(happenings(NOTHING, 1)).to.deep.equal([]);
  });
});
