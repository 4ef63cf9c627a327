export function shown(): string;
export function table(): string;
