import { goesOnAsWritten } from "./read-back.js";

describe("a state that was written and read back, at length", () => goesOnAsWritten(24));
