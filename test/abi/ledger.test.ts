import { expect } from "chai";
import { EV } from "../../abi/events.js";
import { CAUSE, Ledger, NestedLedger } from "../../abi/ledger.js";
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
