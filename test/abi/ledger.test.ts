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

  it("is one object, however often it is asked for", () => {
    expect(Tally.of({ mmu_update: 1, sysret: 2 })).to.equal(CALL);
    expect(Tally.of({ mmu_update: 1, sysret: 1 })).to.not.equal(CALL);
  });
});
