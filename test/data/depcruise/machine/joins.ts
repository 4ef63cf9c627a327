import { linux_mm_model } from "../linux-mm-model/door.js";
import { xen_model } from "../xen-model/door.js";
export const joined = [linux_mm_model, xen_model];
