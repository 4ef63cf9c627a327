/**
 * How much a patch changes, as git shows it.
 *
 * Mirrors: show_stats(), print_stat_summary(), scale_linear(), git's diff.c.
 */

export interface StatLine {
  readonly path: string;
  readonly insertions: number;
  readonly deletions: number;
  readonly isNew: boolean;
}

/** Columns of git format-patch, and of git diff --stat without a terminal. */
export const FORMAT_PATCH_WIDTH = 72;
export const DIFF_WIDTH = 80;

/** The lines of a diffstat, the summary last; without newlines. */
export function diffstat(files: readonly StatLine[], columns = FORMAT_PATCH_WIDTH): string[] {
  const most = Math.max(0, ...files.map(changed));
  const longest = Math.max(0, ...files.map(({ path }) => path.length));
  const digits = String(most).length;
  const width = Math.max(columns, 16 + 6 + digits);
  let graph = most;
  let name = longest;
  if (name + digits + 6 + graph > width) {
    graph = Math.min(graph, Math.max(6, Math.floor((width * 3) / 8) - digits - 6));
    if (name > width - digits - 6 - graph) name = width - digits - 6 - graph;
    else graph = width - digits - 6 - name;
  }
  return [
    ...files.map((file) => {
      const { insertions, deletions } = scaled(file, graph, most);
      const bar = "+".repeat(insertions) + "-".repeat(deletions);
      const count = String(changed(file)).padStart(digits);
      return ` ${shortened(file.path, name).padEnd(name)} | ${count}${bar === "" ? "" : ` ${bar}`}`;
    }),
    summary(files),
  ];
}

const changed = ({ insertions, deletions }: StatLine): number => insertions + deletions;

/** The end of a path that is too long, from a slash on if one is left. */
function shortened(path: string, width: number): string {
  if (path.length <= width) return path;
  const end = path.slice(path.length - (width - 3));
  const slash = end.indexOf("/");
  return `...${slash < 0 ? end : end.slice(slash)}`;
}

function scaled(file: StatLine, width: number, most: number): { insertions: number; deletions: number } {
  const { insertions, deletions } = file;
  if (width > most) return { insertions, deletions };
  const scale = (n: number): number => (n === 0 ? 0 : 1 + Math.floor((n * (width - 1)) / most));
  let total = scale(insertions + deletions);
  if (total < 2 && insertions > 0 && deletions > 0) total = 2;
  if (insertions < deletions) {
    const added = scale(insertions);
    return { insertions: added, deletions: total - added };
  }
  const taken = scale(deletions);
  return { insertions: total - taken, deletions: taken };
}

function summary(files: readonly StatLine[]): string {
  const insertions = files.reduce((sum, file) => sum + file.insertions, 0);
  const deletions = files.reduce((sum, file) => sum + file.deletions, 0);
  const parts = [` ${files.length} file${files.length === 1 ? "" : "s"} changed`];
  if (insertions > 0 || deletions === 0)
    parts.push(` ${insertions} insertion${insertions === 1 ? "" : "s"}(+)`);
  if (deletions > 0 || insertions === 0) parts.push(` ${deletions} deletion${deletions === 1 ? "" : "s"}(-)`);
  return parts.join(",");
}
