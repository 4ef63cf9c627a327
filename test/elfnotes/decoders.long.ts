import { compareWithTools } from "./decoders.js";

describe("the decoders, at length", () => compareWithTools(1000));
