import { expect } from "chai";
import { State } from "../../abi/state.js";

describe("State", () => {
  const fields = (state: State) =>
    [state.u8(3), state.f64(2), state.u32(1), state.u16(5), state.i32(2)] as const;

  it("lays two machines of one geometry out alike, so that bytes bind to another", () => {
    const a = new State(1024);
    fields(a)[1].set([1.5, -2]);
    const b = new State(a.buffer.slice(0));
    expect([...fields(b)[1]]).to.deep.equal([1.5, -2]);
  });

  it("measures what it would give out", () => {
    const measured = new State("measure");
    fields(measured);
    const real = new State(measured.usedBytes);
    fields(real);
    expect(real.usedBytes)
      .to.equal(measured.usedBytes)
      .and.to.equal(8 + 16 + 8 + 16 + 8);
  });

  it("refuses a field beyond the capacity", () => {
    expect(() => new State(16).u32(5)).to.throw(RangeError, "raise the capacity");
  });
});
