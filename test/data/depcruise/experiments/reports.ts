import { cli } from "../cli/door.js";
export const reported = cli;
