/**
 * %cr3 of all pCPUs, asked of QEMU while the guest runs: the one witness that neither Linux nor Xen has a say in.
 *
 * A sample stops no pCPU for long, and sees only what is loaded at that moment; hundreds of them make up for it.
 */
import { connect } from "node:net";

/** The address in each pCPU's %cr3, of `info registers -a` in QEMU's monitor. */
export function parseCr3(text: string): number[] {
  const found: number[] = [];
  for (const [, cpu, cr3] of text.matchAll(/CPU#(\d+)[^]*?CR3=([0-9a-f]+)/g))
    found[Number(cpu)] = Math.floor(parseInt(cr3!, 16) / 4096) * 4096;
  return found;
}

export class Cr3Watch {
  samples = 0;
  /** Samples in which two pCPUs had one table, by its address. */
  readonly shared = new Map<number, number>();

  add(cr3s: readonly number[]): void {
    if (cr3s.length < 2) return;
    this.samples++;
    const twice = new Set(cr3s.filter((cr3, i) => cr3 !== 0 && cr3s.indexOf(cr3) !== i)); // 0: not up yet
    for (const cr3 of twice) this.shared.set(cr3, (this.shared.get(cr3) ?? 0) + 1);
  }

  /** Ask the monitor behind `socket` a few times. */
  async sample(socket: string, times = 20): Promise<void> {
    const monitor = connect(socket);
    let text = "";
    let wake = (): void => {};
    monitor.on("data", (chunk) => {
      text += chunk.toString("latin1");
      wake();
    });
    monitor.on("error", () => wake());
    monitor.on("close", () => wake());
    const prompt = async (): Promise<void> => {
      while (!/\(qemu\) $/.test(text) && !monitor.destroyed) await new Promise<void>((done) => (wake = done));
    };
    await prompt();
    for (let i = 0; i < times && !monitor.destroyed; i++) {
      text = "";
      monitor.write("info registers -a\n");
      await prompt();
      this.add(parseCr3(text));
    }
    monitor.destroy();
  }

  /** What was seen. Xen's own tables, which idle pCPUs may share, lie in its image, `xenImage` bytes [from, to). */
  summary([from, to]: readonly [number, number]): string {
    const isXens = (cr3: number): boolean => cr3 >= from && cr3 < to;
    const all = [...this.shared];
    const told = (tables: [number, number][]): string =>
      tables.map(([cr3, times]) => `0x${cr3.toString(16)} (${times})`).join(", ");
    const guests = all.filter(([cr3]) => !isXens(cr3));
    const own = all.filter(([cr3]) => isXens(cr3));
    return [
      `%cr3 of all pCPUs: ${this.samples} samples`,
      guests.length === 0 ? "no L4 of the guest on two" : `L4s of the guest on two: ${told(guests)}`,
      ...(own.length === 0 ? [] : [`Xen's own on two, idle: ${told(own)}`]),
    ].join("; ");
  }
}

/** Where Xen's image lies, by what it says of itself while it boots. */
export function xenImage(lines: readonly string[]): [number, number] {
  const IMAGE_BYTES = 8 << 20; // more than any 4.17 takes up
  for (const line of lines) {
    const found = /New Xen image base address: 0x([0-9a-f]+)/.exec(line);
    if (found !== null) return [parseInt(found[1]!, 16), parseInt(found[1]!, 16) + IMAGE_BYTES];
  }
  return [0, 0];
}
