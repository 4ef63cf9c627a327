/** What a series touches, in sum: files, lines and functions by layer, and how many people have to agree. */
import { addedFunctions, touchedFunctions } from "./hooks.js";
import { patchFile, type RenderedSeries } from "./render-series.js";

export interface LayerFootprint {
  readonly layer: string;
  readonly files: number;
  readonly insertions: number;
  readonly deletions: number;
  /** Functions that are there before and change. */
  readonly functions: number;
}

export interface Footprint {
  readonly layers: readonly LayerFootprint[];
  readonly files: number;
  readonly insertions: number;
  readonly deletions: number;
  readonly functions: number;
  readonly addedFunctions: number;
  readonly patches: number;
  /** Different people and lists, over all patches. */
  readonly recipients: readonly string[];
}

/** The footprint of a series; lines are those of the whole series as one diff. */
export function footprintOf({ project, changes, patches }: RenderedSeries): Footprint {
  const files = changes.map((change) => ({
    ...patchFile(project, change),
    functions: touchedFunctions([change]).size,
  }));
  const names = [...new Set(files.map(({ layer }) => layer))].sort();
  const layers = names.map((layer) => {
    const own = files.filter((file) => file.layer === layer);
    return { layer, files: own.length, ...sums(own) };
  });
  const recipients = new Set(patches.flatMap(({ maintainers }) => maintainers.map(({ email }) => email)));
  return {
    layers,
    files: files.length,
    ...sums(files),
    addedFunctions: addedFunctions(changes).length,
    patches: patches.length,
    recipients: [...recipients].sort(),
  };
}

interface Counted {
  readonly insertions: number;
  readonly deletions: number;
  readonly functions: number;
}

function sums(files: readonly Counted[]): Counted {
  const sum = (key: keyof Counted): number => files.reduce((total, file) => total + file[key], 0);
  return { insertions: sum("insertions"), deletions: sum("deletions"), functions: sum("functions") };
}
