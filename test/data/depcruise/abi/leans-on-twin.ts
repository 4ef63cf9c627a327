import { xen_model } from "../xen-model/door.js";
export const held = xen_model;
