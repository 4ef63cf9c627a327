import { expect } from "chai";
import { INVALID_MFN } from "../../abi/frames.js";
describe("frames", () => { it("INVALID_MFN is all ones in 32 bits", () => { expect(INVALID_MFN).to.equal(2 ** 32 - 1); }); });
