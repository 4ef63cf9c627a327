import { machine } from "../machine/door.js";
export const ran = machine;
