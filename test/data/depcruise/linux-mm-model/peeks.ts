import { xen_model } from "../xen-model/door.js";
export const seen = xen_model;
