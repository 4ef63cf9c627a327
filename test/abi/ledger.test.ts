import { expect } from "chai";
import { EV } from "../../abi/events.js";
import { CAUSE, Ledger, NestedLedger, Tally } from "../../abi/ledger.js";
import { State } from "../../abi/state.js";

describe("a ledger that is watched", () => {
  for (const Kind of [Ledger, NestedLedger]) {
    it(`says on which vCPU and under which cause it counts, and counts as any other (${Kind.name})`, () => {
      const fill = (ledger: Ledger): Ledger => {
        ledger.enter(1, CAUSE.fault);
        ledger.count(1, EV.refill_user, 3);
        ledger.hold(0, CAUSE.unseen);
        ledger.enter(0, CAUSE.fork);
        ledger.count(0, EV.cr3_write, 1);
        return ledger;
      };
      const fresh = (): Ledger => new Kind(new State(Ledger.bytes(2)), 2);
      const watched = fresh();
      const told: number[][] = [];
      watched.watch((vcpu, cause) => told.push([vcpu, cause]));
      expect(fill(watched).counts).to.deep.equal(fill(fresh()).counts);
      expect(told).to.deep.equal([
        [1, CAUSE.fault],
        [0, CAUSE.unseen],
      ]);
    });
  }
});

describe("a tally", () => {
  const CALL = Tally.of({ mmu_update: 1, sysret: 2 });

  it("counts each of its events under the cause at that time, so often as things stand for", () => {
    const ledger = new Ledger(new State(Ledger.bytes(2)), 2);
    ledger.enter(1, CAUSE.fault);
    ledger.countAll(1, CALL);
    ledger.enter(1, CAUSE.exit);
    ledger.times = 10;
    ledger.countAll(1, CALL);
    ledger.times = 1;
    ledger.count(1, EV.sysret, 1);
    expect(ledger.row(1, CAUSE.exit)[EV.sysret]).to.equal(21);
    expect(ledger.collectByCause()).to.deep.equal({
      fault: { mmu_update: 1, sysret: 2 },
      exit: { mmu_update: 10, sysret: 21 },
    });
    expect(ledger.total("sysret")).to.equal(23);
    expect(ledger.collect(0)).to.deep.equal({});
    ledger.countAll(0, CALL);
    ledger.clear();
    expect(ledger.collect()).to.deep.equal({});
  });

  it("has a nested refill with each refill of it, under EPT", () => {
    const MISSED = Tally.of({ sysret: 1, refill_user: 2, refill_kernel: 1 });
    const ledger = new NestedLedger(new State(Ledger.bytes(1)), 1);
    ledger.times = 3;
    ledger.countAll(0, MISSED);
    ledger.times = 1;
    ledger.count(0, EV.refill_user, 1);
    expect(ledger.collect()).to.deep.equal({
      sysret: 3,
      refill_user: 7,
      refill_user_nested: 7,
      refill_kernel: 3,
      refill_kernel_nested: 3,
    });
  });

  it("has a place of its own, whether it is frequent or not", () => {
    const tallies = [Tally.of({ iret: 7 }), Tally.frequent({ iret: 8 }), Tally.of({ iret: 9 })];
    expect(new Set(Tally.list.map(({ id }) => id)).size).to.equal(Tally.list.length);
    const ledger = new Ledger(new State(Ledger.bytes(1)), 1);
    for (const tally of tallies) ledger.countAll(0, tally);
    expect(ledger.total("iret")).to.equal(24);
  });

  it("is one object, however often it is asked for", () => {
    expect(Tally.of({ mmu_update: 1, sysret: 2 })).to.equal(CALL);
    expect(Tally.frequent({ mmu_update: 1, sysret: 2 })).to.equal(CALL);
    expect(Tally.of({ mmu_update: 1, sysret: 1 })).to.not.equal(CALL);
  });
});
