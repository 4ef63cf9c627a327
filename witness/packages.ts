/**
 * What the rig takes from the machine it runs on, and which package of Debian has it.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { BadInput } from "../abi/bad-input.js";

export interface Ingredients {
  readonly qemu: string;
  readonly compiler: string;
  readonly busybox: string;
  /** Xen's image, not compressed, as QEMU's multiboot loader takes it. */
  readonly xen: Buffer;
  readonly xenFile: string;
  readonly kernel: string;
}

/** Find all of it. Errors: BadInput naming what is missing, and the package that has it. */
export function findIngredients(given: {
  kernel?: string | undefined;
  xen?: string | undefined;
}): Ingredients {
  const xenFile =
    given.xen ?? newest("/boot", /^xen-4\.\d+.*\.gz$/) ?? missing("Xen", "xen-hypervisor-4.17-amd64");
  const kernel =
    given.kernel ??
    fetchedKernel() ??
    newest("/boot", /^vmlinuz-.*-amd64$/) ??
    missing("a kernel", "linux-image-amd64");
  const xen = uncompressed(readGiven(xenFile, "--xen")); // what is named first, then what has to be found
  readGiven(kernel, "--kernel");
  return {
    qemu: inPath("qemu-system-x86_64", "qemu-system-x86"),
    compiler: inPath("cc", "gcc and libc6-dev"),
    busybox: staticBusybox(),
    xen,
    xenFile,
    kernel,
  };
}

function missing(what: string, packages: string): never {
  throw new BadInput("witness", "", `finds no ${what}`, `install ${packages}, or name yours`);
}

/** scripts/fetch-kernel.sh keeps Debian's kernel there. */
function fetchedKernel(): string | undefined {
  return newest(join(__dirname, "..", "out", "kernel"), /^vmlinuz-[\d.]+(-\d+)?-amd64$/);
}

function newest(folder: string, pattern: RegExp): string | undefined {
  if (!existsSync(folder)) return undefined;
  const names = readdirSync(folder).filter((name) => pattern.test(name));
  const [last] = names.sort((a, b) => b.localeCompare(a, "en", { numeric: true }));
  return last === undefined ? undefined : join(folder, last);
}

function inPath(program: string, packages: string): string {
  const found = (process.env.PATH ?? "").split(":").map((folder) => join(folder, program));
  return found.find((file) => existsSync(file)) ?? missing(program, packages);
}

/** A busybox that needs no libraries in the guest. */
function staticBusybox(): string {
  const busybox = inPath("busybox", "busybox-static");
  const interpreter = readFileSync(busybox).includes("/ld-linux");
  if (interpreter && spawnSync("ldd", [busybox]).status === 0)
    throw new BadInput(busybox, "", "needs libraries", "install busybox-static instead of busybox");
  return busybox;
}

function readGiven(file: string, option: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new BadInput(option, file, `cannot be read (${code})`, "name an image that is there");
  }
}

function uncompressed(image: Buffer): Buffer {
  return image[0] === 0x1f && image[1] === 0x8b ? gunzipSync(image) : image;
}
