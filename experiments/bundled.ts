/** The recordings that come with the project, which the main job runs on when none is named. */
import { existsSync } from "node:fs";
import { join } from "node:path";

/** The project's root, seen from its sources and from dist/. */
const ROOT = [join(__dirname, ".."), join(__dirname, "..", "..")].find((dir) =>
  existsSync(join(dir, "recordings")),
)!;

export const BUNDLED: readonly string[] = ["redis_bench", "make_j2", "thread_storm", "node_workers"].map(
  (name) => join(ROOT, "recordings", `${name}.perf.txt.gz`),
);

/** Folder `name` of the project's data, which is not built. */
export function dataFolder(...name: string[]): string {
  return join(ROOT, ...name);
}
