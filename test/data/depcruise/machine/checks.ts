import { checker } from "../checker/door.js";
export const checked = checker;
