import { whole } from "./goes-round.js";
export const half = (): number => whole() / 2;
