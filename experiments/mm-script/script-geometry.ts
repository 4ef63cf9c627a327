/** The machine that scripts of memory management run on; synthetic work's is made from it. */
import type { Geometry } from "../../machine/geometry.js";

/** The two vCPUs of the scripts, and room for the largest regions. */
export const SCRIPT_GEOMETRY: Geometry = {
  nrCpus: 2,
  nrXenFrames: 64,
  nrTables: 2048,
  nrFrames: 32768,
  ptes: 512,
  maxMms: 64,
  maxTasks: 128,
  maxVmas: 4096,
  maxFiles: 256,
};
