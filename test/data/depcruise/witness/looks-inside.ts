import { linux_mm_model } from "../linux-mm-model/door.js";
export const looked = linux_mm_model;
