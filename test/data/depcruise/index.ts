export { machine } from "./machine/door.js";
export { cli } from "./cli/door.js";
