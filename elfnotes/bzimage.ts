/**
 * bzImage: a boot sector and setup code, then the protected-mode code, which carries the compressed vmlinux.
 *
 * Mirrors: struct setup_header, Documentation/arch/x86/boot.rst; bzimage_check(), xen/arch/x86/bzimage.c.
 */
import type { ImageBytes } from "./image-bytes.js";

/** Offsets in the file of struct setup_header's fields, and the protocol that has the last one. */
export const SETUP = {
  setup_sects: 0x1f1,
  syssize: 0x1f4,
  boot_flag: 0x1fe,
  header: 0x202, // "HdrS"
  version: 0x206,
  payload_offset: 0x248,
  payload_length: 0x24c,
  init_size: 0x260,
  hasInitSize: 0x20a,
} as const;

const SECTOR = 512;
const HAS_PAYLOAD = 0x208; // boot protocol 2.08

export interface Payload {
  /** Of the file. */
  readonly offset: number;
  /** With the four bytes at its end that say how large the unpacked kernel is. */
  readonly length: number;
}

export function isBzImage(bytes: ImageBytes): boolean {
  return bytes.has(SETUP.boot_flag, "\x55\xaa") && bytes.has(SETUP.header, "HdrS");
}

/**
 * Where the compressed vmlinux is.
 *
 * Errors: BadInput, if the boot protocol is older than 2.08, or if the payload goes beyond the file.
 */
export function findPayload(bytes: ImageBytes): Payload {
  const version = bytes.u16(SETUP.version, "the setup header");
  if (version < HAS_PAYLOAD) {
    const said = `${version >> 8}.${(version & 0xff).toString().padStart(2, "0")}`;
    throw bytes.bad(
      SETUP.version,
      `boot protocol ${said} does not say where the kernel is, as 2.08 does`,
      "name the vmlinux that it was made of",
    );
  }
  const setupSectors = bytes.u8(SETUP.setup_sects, "the setup header") || 4; // 0 stands for 4
  const offset = (setupSectors + 1) * SECTOR + bytes.u32(SETUP.payload_offset, "the setup header");
  const length = bytes.u32(SETUP.payload_length, "the setup header");
  if (length === 0)
    throw bytes.bad(SETUP.payload_length, "the payload is empty", "name a bzImage with a kernel in it");
  bytes.need(offset, length, "the compressed kernel");
  return { offset, length };
}
