import { abi } from "../abi/door.js";
export const known = abi;
