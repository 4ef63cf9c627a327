/**
 * Bitmaps of CPUs, of any number of them: rows of 32-bit words, as both kernels keep them.
 *
 * Shape: `mask` has rows of cpumask_words(nrCpus) words; `at` is where a row begins. CPU n is bit n % 32 of word n / 32.
 * Mirrors: include/linux/cpumask.h; xen/include/xen/cpumask.h.
 */

/** Words of a bitmap of so many CPUs. */
export function cpumask_words(nrCpus: number): number {
  return (nrCpus + 31) >>> 5;
}

export function cpumask_set_cpu(cpu: number, mask: Uint32Array, at = 0): void {
  const word = at + (cpu >>> 5);
  mask[word] = mask[word]! | (1 << cpu); // shifts count modulo 32
}

export function cpumask_clear_cpu(cpu: number, mask: Uint32Array, at = 0): void {
  const word = at + (cpu >>> 5);
  mask[word] = mask[word]! & ~(1 << cpu);
}

export function cpumask_test_cpu(cpu: number, mask: Uint32Array, at = 0): boolean {
  return ((mask[at + (cpu >>> 5)]! >>> cpu) & 1) !== 0;
}

/** Nobody is in the row of `words` words. Of so few words a loop is quicker than fill(). */
export function cpumask_clear(mask: Uint32Array, at: number, words: number): void {
  for (let i = at; i < at + words; i++) mask[i] = 0;
}

/** Is a CPU other than `cpu` in the row of `words` words? Mirrors: cpumask_any_but() < nr_cpu_ids. */
export function cpumask_any_but(cpu: number, mask: Uint32Array, at: number, words: number): boolean {
  const own = cpu >>> 5;
  for (let i = 0; i < words; i++) {
    if ((i === own ? mask[at + i]! & ~(1 << cpu) : mask[at + i]!) !== 0) return true;
  }
  return false;
}

/** The lowest CPU of the row, -1 if it is empty. Mirrors: cpumask_first(). */
export function cpumask_first(mask: Uint32Array, at: number, words: number): number {
  for (let i = 0; i < words; i++) {
    const word = mask[at + i]!;
    if (word !== 0) return 32 * i + 31 - Math.clz32(word & -word);
  }
  return -1;
}

/** How many CPUs are in the row. */
export function cpumask_weight(mask: Uint32Array, at: number, words: number): number {
  let weight = 0;
  for (let i = at; i < at + words; i++) {
    for (let rest = mask[i]!; rest !== 0; rest &= rest - 1) weight++;
  }
  return weight;
}
