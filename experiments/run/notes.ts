/** What a run assumed of what the recording does not tell, and how often. */
export class Notes {
  private readonly counted = new Map<string, number>();

  add(what: string): void {
    this.counted.set(what, (this.counted.get(what) ?? 0) + 1);
  }

  /** In the order in which each was assumed first. */
  list(): { what: string; count: number }[] {
    return [...this.counted].map(([what, count]) => ({ what, count }));
  }
}
