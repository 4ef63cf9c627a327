import type { linux_mm_model } from "../linux-mm-model/door.js";
export type Seen = typeof linux_mm_model;
