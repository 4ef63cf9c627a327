/**
 * An initramfs: a cpio archive of the "newc" kind, as the kernel unpacks it.
 *
 * Mirrors: Documentation/driver-api/early-userspace/buffer-format.rst.
 * Differs: root owns everything, times are 0, and there are no hard links.
 */

export interface InitramfsFile {
  /** Without a leading slash. */
  readonly name: string;
  readonly mode: number;
  readonly bytes: Uint8Array;
  /** Of a device: major and minor number. */
  readonly device?: readonly [number, number];
}

const S_IFCHR = 0o020000;
const S_IFDIR = 0o040000;
const S_IFREG = 0o100000;
const S_IFLNK = 0o120000;
const NOTHING = new Uint8Array(0);

export function directory(name: string): InitramfsFile {
  return { name, mode: S_IFDIR | 0o755, bytes: NOTHING };
}

export function executable(name: string, bytes: Uint8Array): InitramfsFile {
  return { name, mode: S_IFREG | 0o755, bytes };
}

export function regularFile(name: string, text: string): InitramfsFile {
  return { name, mode: S_IFREG | 0o644, bytes: Buffer.from(text) };
}

export function symlink(name: string, target: string): InitramfsFile {
  return { name, mode: S_IFLNK | 0o777, bytes: Buffer.from(target) };
}

export function characterDevice(name: string, major: number, minor: number): InitramfsFile {
  return { name, mode: S_IFCHR | 0o600, bytes: NOTHING, device: [major, minor] };
}

/** Pack `files`, in order: a folder before what is in it. */
export function packInitramfs(files: readonly InitramfsFile[]): Buffer {
  const parts: Buffer[] = [];
  const add = (file: InitramfsFile, ino: number): void => {
    const name = Buffer.from(`${file.name}\0`);
    const [major, minor] = file.device ?? [0, 0];
    const fields = [ino, file.mode, 0, 0, 1, 0, file.bytes.length, 0, 0, major, minor, name.length, 0];
    const header = Buffer.from(`070701${fields.map(hex8).join("")}`);
    parts.push(pad4(Buffer.concat([header, name])), pad4(Buffer.from(file.bytes)));
  };
  files.forEach((file, index) => add(file, index + 1));
  add({ name: "TRAILER!!!", mode: 0, bytes: NOTHING }, 0);
  return Buffer.concat(parts);
}

function hex8(value: number): string {
  return value.toString(16).padStart(8, "0");
}

function pad4(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
}
