import { absent } from "./absent.js";
export const asked = absent;
