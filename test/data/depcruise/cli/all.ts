import { abi } from "../abi/door.js";
import { checker } from "../checker/door.js";
import { experiments } from "../experiments/door.js";
import { patches_notes } from "../patches-notes/door.js";
export const all = [abi, checker, experiments, patches_notes];
