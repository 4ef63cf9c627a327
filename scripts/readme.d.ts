export const LONG_NAMES: readonly string[];
export const NAMES: readonly string[];
export function made(name: string): string;
export function shown(name: string): string;
