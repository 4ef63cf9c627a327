import { half } from "./comes-back.js";
export const whole = (): number => 2 * half();
