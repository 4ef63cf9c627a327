/** The kernel images of Debian's that are there. */
import { existsSync, readdirSync, realpathSync } from "node:fs";
import { join } from "node:path";

/** Fetched by scripts/fetch-kernel.sh, and the one that PVTWIN_KERNEL names. */
export function kernels(): string[] {
  const named = process.env.PVTWIN_KERNEL ? [process.env.PVTWIN_KERNEL] : [];
  const folder = "out/kernel";
  const fetched = existsSync(folder) ? readdirSync(folder).filter((name) => name.startsWith("vmlinuz-")) : [];
  return [
    ...new Set([...named, ...fetched.map((name) => join(folder, name))].map((file) => realpathSync(file))),
  ];
}
