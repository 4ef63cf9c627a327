/**
 * Names of frames in a checked state: L4s have theirs for good, L3s get theirs in the order in which they are met, so that
 * states which differ only in which frame is which have equal bytes.
 */
export class FrameNames {
  /** The last name given. */
  last: number;
  readonly firstL3: number;
  private readonly nameOf: Uint8Array;
  private readonly frameOf: number[];

  /** `l4s` in the order of their names, and frames that can become L3s. */
  constructor(
    nrFrames: number,
    l4s: readonly number[],
    private readonly l3s: readonly number[],
  ) {
    this.nameOf = new Uint8Array(nrFrames);
    l4s.forEach((frame, i) => (this.nameOf[frame] = i + 1));
    this.frameOf = [0, ...l4s, ...l3s];
    this.firstL3 = l4s.length + 1;
    this.last = l4s.length;
  }

  /** Forget the names of L3s, to give new ones: before a state is written. */
  beginWriting(): void {
    for (let i = 0; i < this.l3s.length; i++) this.nameOf[this.l3s[i]!] = 0;
    this.last = this.firstL3 - 1;
  }

  /** Before a state is read: L3s have their names in ascending order. */
  beginReading(): void {
    for (let i = 0; i < this.l3s.length; i++) this.frameOf[this.firstL3 + i] = this.l3s[i]!;
    this.last = this.firstL3 - 1;
  }

  /** The name of `frame`, which gets one if it has none; 0 for frame 0. */
  name(frame: number): number {
    const known = this.nameOf[frame]!;
    return known !== 0 || frame === 0 ? known : this.give(frame);
  }

  private give(frame: number): number {
    const name = ++this.last;
    this.nameOf[frame] = name;
    this.frameOf[name] = frame;
    return name;
  }

  /** The frame that a name read stands for. */
  meet(name: number): number {
    if (name > this.last) this.last = name;
    return this.frameOf[name]!;
  }

  frame(name: number): number {
    return this.frameOf[name]!;
  }

  isNamed(frame: number): boolean {
    return this.nameOf[frame] !== 0;
  }

  isL4(frame: number): boolean {
    const name = this.nameOf[frame]!;
    return name !== 0 && name < this.firstL3;
  }
}
