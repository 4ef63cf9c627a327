/**
 * ELF headers, as far as notes need them: 32 and 64 bits, little-endian.
 *
 * Mirrors: elf_init(), xen/common/libelf/libelf-loader.c; the ELF specification.
 * Differs: names of sections are looked up only where a caller asks.
 */
import type { ImageBytes } from "./image-bytes.js";

export const PT_NOTE = 4;
export const SHT_NOTE = 7;
export const EM_386 = 3;
export const EM_X86_64 = 62;

/** A program header. */
export interface Segment {
  /** Of the header itself. */
  readonly header: number;
  readonly type: number;
  readonly offset: number;
  readonly filesz: number;
}

/** A section header. */
export interface Section {
  /** Of the header itself. */
  readonly header: number;
  readonly nameOffset: number;
  readonly type: number;
  readonly offset: number;
  readonly size: number;
}

export interface Elf {
  readonly bytes: ImageBytes;
  readonly bits: 32 | 64;
  readonly machine: number;
  readonly segments: readonly Segment[];
  readonly sections: readonly Section[];
  /** Index of the section that holds the names of sections. */
  readonly shstrndx: number;
}

/** Where the fields stand. `word` fields are 4 bytes in ELF32 and 8 in ELF64. */
export const ELF_LAYOUT = {
  32: {
    word: 4,
    ehdr: 52,
    phoff: 28,
    shoff: 32,
    counts: 42,
    phdr: 32,
    p_offset: 4,
    p_filesz: 16,
    p_memsz: 20,
    shdr: 40,
    sh_offset: 16,
    sh_size: 20,
  },
  64: {
    word: 8,
    ehdr: 64,
    phoff: 32,
    shoff: 40,
    counts: 54,
    phdr: 56,
    p_offset: 8,
    p_filesz: 32,
    p_memsz: 40,
    shdr: 64,
    sh_offset: 24,
    sh_size: 32,
  },
} as const;

export function isElf(bytes: ImageBytes): boolean {
  return bytes.has(0, "\x7fELF");
}

/** The ELF header, as far as it says where the others are. */
interface Header {
  readonly bits: 32 | 64;
  readonly phoff: number;
  readonly phentsize: number;
  readonly phnum: number;
  readonly shoff: number;
  readonly shentsize: number;
  readonly shnum: number;
  readonly shstrndx: number;
}

/**
 * Read the headers of an ELF image.
 *
 * Errors: BadInput, if it is no ELF of a PC, or if a header lies outside of the file.
 */
export function readElf(bytes: ImageBytes): Elf {
  const header = readHeader(bytes);
  const { bits, shoff, shentsize, shnum, shstrndx } = header;
  const at = ELF_LAYOUT[bits];
  const segments = readSegments(bytes, header);
  const sections = readTable(bytes, shoff, shentsize, shnum, "section header", (shdr) => ({
    header: shdr,
    nameOffset: bytes.u32(shdr, "a section header"),
    type: bytes.u32(shdr + 4, "a section header"),
    offset: word(bytes, bits, shdr + at.sh_offset),
    size: word(bytes, bits, shdr + at.sh_size),
  }));
  return { bytes, bits, machine: bytes.u16(18, "the ELF header"), segments, sections, shstrndx };
}

/** Bytes of an image. */
export interface Place {
  readonly offset: number;
  readonly length: number;
}

/**
 * Where the headers are, and the segments with notes; `start` has the first bytes of the image.
 *
 * Errors: BadInput, if it is no ELF of a PC, or if a program header lies behind `start`.
 */
export function notePlaces(start: ImageBytes): Place[] {
  const header = readHeader(start);
  const { bits, phoff, phentsize, phnum, shoff, shentsize, shnum } = header;
  return [
    { offset: 0, length: ELF_LAYOUT[bits].ehdr },
    { offset: phoff, length: phentsize * phnum },
    { offset: shoff, length: shentsize * shnum },
    ...readSegments(start, header)
      .filter(({ type }) => type === PT_NOTE)
      .map(({ offset, filesz }) => ({ offset, length: filesz })),
  ];
}

function readHeader(bytes: ImageBytes): Header {
  if (!isElf(bytes)) throw bytes.bad(0, "is no ELF image", "name a vmlinux or a bzImage");
  const eiClass = bytes.u8(4, "the ELF header");
  if (eiClass !== 1 && eiClass !== 2) throw bytes.bad(4, `ELF class ${eiClass} is neither 32 nor 64 bits`);
  const bits = eiClass === 2 ? 64 : 32;
  if (bytes.u8(5, "the ELF header") !== 1) {
    throw bytes.bad(5, "is not little-endian", "name a kernel for x86 or Arm");
  }
  const at = ELF_LAYOUT[bits];
  bytes.need(0, at.ehdr, "the ELF header");
  const [phentsize, phnum, shentsize, shnum, shstrndx] = [0, 2, 4, 6, 8].map((field) =>
    bytes.u16(at.counts + field, "the ELF header"),
  ) as [number, number, number, number, number];
  const phoff = word(bytes, bits, at.phoff);
  const shoff = word(bytes, bits, at.shoff);
  return { bits, phoff, phentsize, phnum, shoff, shentsize, shnum, shstrndx };
}

function readSegments(bytes: ImageBytes, { bits, phoff, phentsize, phnum }: Header): Segment[] {
  const at = ELF_LAYOUT[bits];
  return readTable(bytes, phoff, phentsize, phnum, "program header", (phdr) => ({
    header: phdr,
    type: bytes.u32(phdr, "a program header"),
    offset: word(bytes, bits, phdr + at.p_offset),
    filesz: word(bytes, bits, phdr + at.p_filesz),
  }));
}

/** An offset or a size. Beyond 2^53 it loses its last bits, and is far beyond the end of any file. */
function word(bytes: ImageBytes, bits: 32 | 64, offset: number): number {
  return bits === 64 ? Number(bytes.u64(offset, "an ELF header")) : bytes.u32(offset, "an ELF header");
}

function readTable<T>(
  bytes: ImageBytes,
  start: number,
  stride: number,
  count: number,
  name: string,
  read: (offset: number) => T,
): T[] {
  if (count === 0) return [];
  bytes.need(start, stride * count, `the ${name} table`);
  return Array.from({ length: count }, (_, i) => read(start + i * stride));
}

/** The first section of that name. Mirrors: elf_shdr_by_name(). */
export function sectionByName(elf: Elf, name: string): Section | undefined {
  const names = elf.sections[elf.shstrndx];
  if (names === undefined) return undefined;
  return elf.sections.find(({ nameOffset }) => elf.bytes.has(names.offset + nameOffset, `${name}\0`));
}

/** For reports. */
export function machineName(machine: number): string {
  const names = new Map([
    [EM_386, "i386"],
    [EM_X86_64, "x86-64"],
    [40, "ARM"],
    [183, "AArch64"],
    [243, "RISC-V"],
  ]);
  return names.get(machine) ?? `machine ${machine}`;
}
