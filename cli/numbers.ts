/**
 * How numbers are written: three significant digits, a unit, and a sign where the number is a difference.
 *
 * Plain ASCII, for terminals and for search; the report sets them with its own minus and spaces (report/html.ts).
 */
import type { Bracket } from "../experiments/results.js";

const UNITS = ["", "k", "M", "G", "T", "P"];

/** 1234567 as "1.23 M"; below a thousand, whole numbers stay whole. */
export function si(n: number): string {
  if (!Number.isFinite(n)) return "n/a";
  const sign = n < 0 ? "-" : "";
  let value = Math.abs(n);
  let unit = 0;
  while (roundTo3(value) >= 1000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  const digits = unit === 0 && Number.isInteger(value) ? String(value) : digits3(value);
  return `${isZero(digits) ? "" : sign}${digits}${unit === 0 ? "" : ` ${UNITS[unit]}`}`;
}

/** A difference: "+1.23 M", "-40 k", "0". */
export function signedSi(n: number): string {
  return n > 0 ? `+${si(n)}` : si(n);
}

/** A difference in percent: "+3.10 %", "-0.02 %", "0 %". */
export function signedPercent(n: number): string {
  if (!Number.isFinite(n)) return "n/a";
  if (n === 0) return "0 %";
  return `${n > 0 ? "+" : "-"}${digits3(Math.abs(n))} %`;
}

/** An exact count: "1,234,567". */
export function exact(n: number): string {
  if (!Number.isFinite(n)) return "n/a";
  const [whole, fraction] = String(Math.abs(n)).split(".");
  const grouped = whole!.replace(/\B(?=(\d{3})+$)/g, ",");
  return `${n < 0 ? "-" : ""}${grouped}${fraction === undefined ? "" : `.${fraction}`}`;
}

/** Memory, in powers of two: "4 KiB", "1.50 MiB". */
export function bytes(n: number): string {
  if (!Number.isFinite(n)) return "n/a";
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = n;
  let unit = 0;
  while (roundTo3(value) >= 1000 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${Number.isInteger(value) ? String(value) : digits3(value)} ${units[unit]}`;
}

/** Low and high of a difference, each with its sign: "[+0.91 G .. +1.93 G]". */
export function signedRange({ low, high }: Bracket, write: (n: number) => string = signedSi): string {
  return `[${write(low)} .. ${write(high)}]`;
}

/** What a bracket leaves open: is it more, less, or could it be either? */
export function signOf({ low, high }: Bracket): "more" | "less" | "same" | "either" {
  if (low === 0 && high === 0) return "same";
  if (low >= 0) return "more";
  return high <= 0 ? "less" : "either";
}

/** Non-negative, three significant digits and never an exponent: 1.23, 12.3, 123, 1,230. */
function digits3(value: number): string {
  const rounded = roundTo3(value);
  if (rounded >= 100) return exact(rounded);
  return rounded.toFixed(rounded >= 10 ? 1 : 2);
}

function roundTo3(value: number): number {
  return Number(value.toPrecision(3));
}

function isZero(digits: string): boolean {
  return Number(digits) === 0;
}
