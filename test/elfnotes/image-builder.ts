/** Small kernel images: ELF with notes where a test wants them, and bzImages around them. */
import { crc32, gzipSync } from "node:zlib";

export interface NoteSpec {
  readonly type: number;
  readonly desc: Uint8Array | string;
  readonly owner?: string;
}

export interface ElfSpec {
  readonly bits?: 32 | 64;
  readonly machine?: number;
  /** In a PT_NOTE segment. */
  readonly segment?: readonly NoteSpec[];
  /** The segment's p_offset is 0, as some binutils left it. */
  readonly segmentAtZero?: boolean;
  /** In an SHT_NOTE section. */
  readonly section?: readonly NoteSpec[];
  /** Text of the section __xen_guest. */
  readonly guest?: string;
}

/** The notes of a 64-bit Linux, as far as they matter. */
export const linuxNotes: readonly NoteSpec[] = [
  { type: 6, desc: "linux\0" },
  { type: 5, desc: "xen-3.0\0" },
  { type: 3, desc: le64(0xffffffff80000000n) },
  { type: 10, desc: "!writable_page_tables|pae_pgdir_above_4gb\0" },
  { type: 17, desc: le32(0x8801) },
  { type: 8, desc: "generic\0" },
  { type: 13, desc: Buffer.concat([le64(1n), le64(1n)]) },
  { type: 18, desc: le64(0x1000850n) },
];

/** An ELF image, little-endian: header, program headers, notes, texts, section headers. */
export function elf(spec: ElfSpec = { segment: linuxNotes }): Buffer {
  const { bits = 64, machine = 62 } = spec;
  const sizes = bits === 64 ? { ehdr: 64, phdr: 56, shdr: 64 } : { ehdr: 52, phdr: 32, shdr: 40 };
  const word = (n: number) => (bits === 64 ? le64(BigInt(n)) : le32(n));
  const names = Buffer.from("\0.shstrtab\0.notes\0__xen_guest\0", "latin1");
  const parts: Buffer[] = [];
  let at = sizes.ehdr + sizes.phdr;
  const place = (data: Uint8Array): { offset: number; size: number } => {
    const placed = { offset: at, size: data.length };
    const padded = Buffer.concat([data, Buffer.alloc(-data.length & 7)]);
    parts.push(padded);
    at += padded.length;
    return placed;
  };

  const segment = place(notes(spec.segment ?? []));
  const sections: [name: string, type: number, place: { offset: number; size: number }][] = [];
  sections.push([".shstrtab", 3, place(names)]);
  if (spec.section !== undefined) sections.push([".notes", 7, place(notes(spec.section))]);
  if (spec.guest !== undefined) sections.push(["__xen_guest", 1, place(Buffer.from(`${spec.guest}\0`))]);
  const shoff = at;

  const phdr =
    bits === 64
      ? [
          le32(4),
          le32(4),
          word(spec.segmentAtZero ? 0 : segment.offset),
          word(0),
          word(0),
          word(segment.size),
          word(0),
          word(4),
        ]
      : [
          le32(4),
          word(spec.segmentAtZero ? 0 : segment.offset),
          word(0),
          word(0),
          word(segment.size),
          word(0),
          le32(4),
          word(4),
        ];
  const shdrs = sections.flatMap(([name, type, { offset, size }]) => [
    le32(names.indexOf(`${name}\0`)),
    le32(type),
    word(0),
    word(0),
    word(offset),
    word(size),
    le32(0),
    le32(0),
    word(1),
    word(0),
  ]);
  const ident = Buffer.from([0x7f, 0x45, 0x4c, 0x46, bits / 32, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  const counts = [sizes.ehdr, sizes.phdr, 1, sizes.shdr, sections.length + 1, 1].map(le16);
  const ehdr = [
    ident,
    le16(2),
    le16(machine),
    le32(1),
    word(0),
    word(sizes.ehdr),
    word(shoff),
    le32(0),
    ...counts,
  ];
  return Buffer.concat([...ehdr, ...phdr, ...parts, Buffer.alloc(sizes.shdr), ...shdrs]);
}

function notes(specs: readonly NoteSpec[]): Buffer {
  return Buffer.concat(
    specs.flatMap(({ type, desc, owner = "Xen" }) => {
      const name = Buffer.from(`${owner}\0`);
      const bytes = Buffer.from(desc as string, "latin1");
      return [le32(name.length), le32(bytes.length), le32(type), pad4(name), pad4(bytes)];
    }),
  );
}

/** A bzImage that carries `payload`, of which the size of `kernel` is the unpacked one. */
export function bzImage(payload: Uint8Array, version = 0x20f, setupSectors = 1): Buffer {
  const setup = Buffer.alloc((1 + (setupSectors || 4)) * 512); // boot sector and setup code
  setup[0x1f1] = setupSectors;
  setup.writeUInt16LE(0xaa55, 0x1fe);
  setup.write("HdrS", 0x202);
  setup.writeUInt16LE(version, 0x206);
  const stub = Buffer.alloc(64, 0x90); // the code that unpacks
  setup.writeUInt32LE(stub.length, 0x248);
  setup.writeUInt32LE(payload.length, 0x24c);
  return Buffer.concat([setup, stub, payload, Buffer.alloc(32)]);
}

/** The payloads of a bzImage, by compression. */
export const pack = {
  gzip: (kernel: Uint8Array): Buffer => gzipSync(kernel),
  xz: (kernel: Uint8Array): Buffer => Buffer.concat([xzStored(kernel), le32(kernel.length)]),
  zstd: (kernel: Uint8Array): Buffer => Buffer.concat([zstdStored(kernel), le32(kernel.length)]),
};

/** A stream of xz that stores its data: one block, one LZMA2 chunk, CRC32. */
export function xzStored(data: Uint8Array): Buffer {
  const flags = Buffer.from([0, 1]);
  const blockHeader = Buffer.from([2, 0, 0x21, 1, 0, 0, 0, 0]);
  const size = Buffer.from([(data.length - 1) >> 8, (data.length - 1) & 0xff]);
  const chunk = Buffer.concat([Buffer.from([1]), size, data, Buffer.from([0])]);
  const block = Buffer.concat([blockHeader, crcOf(blockHeader), chunk]);
  const index = pad4(Buffer.from([0, 1, ...vli(block.length + 4), ...vli(data.length)]));
  const footer = Buffer.concat([le32(index.length / 4), flags]);
  return Buffer.concat([
    Buffer.from("\xfd7zXZ\0", "latin1"),
    ...[flags, crcOf(flags)],
    ...[pad4(block), crcOf(data)],
    ...[index, crcOf(index)],
    ...[crcOf(footer), footer, Buffer.from("YZ")],
  ]);
}

/** A frame of zstd that stores its data: one raw block. */
export function zstdStored(data: Uint8Array): Buffer {
  const header = [le32(0xfd2fb528), Buffer.from([0xa0]), le32(data.length)];
  const block = le32((data.length << 3) | 1).subarray(0, 3);
  return Buffer.concat([...header, block, data]);
}

function vli(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...vli(value >> 7)];
}

function crcOf(data: Uint8Array): Buffer {
  return le32(crc32(data));
}

function pad4(data: Uint8Array): Buffer {
  return Buffer.concat([data, Buffer.alloc(-data.length & 3)]);
}

function le16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

export function le32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value >>> 0);
  return bytes;
}

export function le64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return bytes;
}

/** The error that `run` ends with; fails if it ends without one. */
export async function rejection(run: () => unknown): Promise<Error> {
  try {
    await run();
  } catch (error) {
    return error as Error;
  }
  throw new Error("ended without an error");
}
