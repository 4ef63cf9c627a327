import type { machine } from "../index.js";

export type T = typeof machine;
