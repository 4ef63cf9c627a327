import { test } from "../test/door.js";
export const tested = test;
