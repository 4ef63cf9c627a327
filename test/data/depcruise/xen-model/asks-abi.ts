import { abi } from "../abi/door.js";
export const asked = abi;
