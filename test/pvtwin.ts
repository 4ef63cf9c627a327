/** Runs the built command in a process of its own, as a user does. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";

export const ROOT = join(__dirname, "..");

export interface Finished {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** `pvtwin ARGS` in folder `cwd`. */
export function pvtwin(args: readonly string[], cwd = ROOT): Finished {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(ROOT, "bin", "pvtwin.js"), ...args], {
    cwd,
    encoding: "utf8",
    maxBuffer: 2 ** 28,
    env: { ...process.env, NO_COLOR: "1" },
  });
  return { status, stdout, stderr };
}
