/** What the initramfs holds: busybox, the compiled driver and player, the scripts. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { BadInput } from "../abi/bad-input.js";
import {
  characterDevice,
  directory,
  executable,
  packInitramfs,
  regularFile,
  type InitramfsFile,
} from "./initramfs.js";
import type { Ingredients } from "./packages.js";

const SOURCES = join(__dirname, "guest");

/** The player has no libc: two pages of text, in one segment, and nothing else. */
const PLAYER_FLAGS = [
  ..."-Os -std=gnu11 -static -nostdlib -ffreestanding -fno-pic -no-pie -fno-stack-protector -fcf-protection=none".split(
    " ",
  ),
  ..."-mgeneral-regs-only -fno-asynchronous-unwind-tables -fno-tree-loop-distribute-patterns".split(" "),
  ..."-Wl,-z,noseparate-code -Wl,-z,norelro -Wl,--build-id=none -Wl,-z,noexecstack".split(" "),
];

/** Compile a source of witness/guest/. Errors: BadInput with what the compiler says. */
export function compile(compiler: string, source: string, flags: readonly string[]): Buffer {
  const scratch = mkdtempSync(join(tmpdir(), "pvtwin-witness-"));
  const output = join(scratch, "program");
  try {
    execFileSync(compiler, [...flags, "-o", output, join(SOURCES, source)], { stdio: "pipe" });
    return readFileSync(output);
  } catch (error) {
    const { stderr } = error as { stderr?: Buffer };
    throw new BadInput(
      source,
      "",
      `does not compile: ${String(stderr ?? error)}`,
      "install gcc and libc6-dev",
    );
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

/** The replayer is a kernel of its own: for no libc, at the addresses of Linux, without a red zone, which Xen writes over. */
const REPLAYER_FLAGS = [
  ..."-Os -std=gnu11 -static -nostdlib -ffreestanding -fno-pic -no-pie -mcmodel=kernel -mno-red-zone".split(
    " ",
  ),
  ..."-fno-stack-protector -fcf-protection=none -mgeneral-regs-only -fno-asynchronous-unwind-tables".split(
    " ",
  ),
  ..."-fno-tree-loop-distribute-patterns -Wl,--build-id=none -Wl,-z,noexecstack".split(" "),
];

/** The replayer's image. Does it say that it installs an L4 on one vCPU only? */
export function replayerImage(compiler: string, isExclusive: boolean): Buffer {
  const sources = ["pv-guest.S", "say.c", "frames.c", "base.c"].map((name) =>
    join(SOURCES, "replayer", name),
  );
  const script = `-Wl,-T,${join(SOURCES, "replayer", "pv-guest.lds")}`;
  const own = [`-DEXCLUSIVE_L4=${isExclusive ? 1 : 0}`, script, ...sources];
  return compile(compiler, "replayer/replayer.c", [...REPLAYER_FLAGS, ...own]);
}

/** The initramfs for `scripts`, by name, in the driver's text, and `programs`, as shell scripts. */
export function guestInitramfs(
  { compiler, busybox }: Ingredients,
  scripts: ReadonlyMap<string, string>,
  programs: readonly InitramfsFile[],
): Buffer {
  const folders = ["bin", "sbin", "dev", "proc", "sys", "tmp", "scripts", "programs"].map(directory);
  return packInitramfs([
    ...folders,
    characterDevice("dev/console", 5, 1),
    characterDevice("dev/null", 1, 3),
    characterDevice("dev/zero", 1, 5),
    executable("bin/busybox", readFileSync(busybox)),
    executable("init", readFileSync(join(SOURCES, "init.sh"))),
    executable("player", compile(compiler, "player.c", PLAYER_FLAGS)),
    executable("bin/driver", compile(compiler, "driver.c", ["-O2", "-static"])),
    executable("bin/storm", compile(compiler, "storm.c", ["-O2", "-static", "-pthread"])),
    ...[...scripts].map(([name, text]) => regularFile(`scripts/${name}`, text)),
    ...programs,
  ]);
}

/** `programs` and the libraries that ldd says they need, at the same places in the guest. Errors: BadInput. */
export function withLibraries(programs: readonly string[]): InitramfsFile[] {
  const files = new Set<string>();
  for (const program of programs) {
    files.add(program);
    const { stdout } = spawnSync("ldd", [program], { encoding: "utf8" });
    for (const [library] of (stdout ?? "").matchAll(/\/\S+(?= \(0x)/g)) files.add(library);
  }
  const folders = new Set<string>();
  for (const file of files)
    for (let at = dirname(file); at !== "/"; at = dirname(at)) folders.add(at.slice(1));
  const had = new Set(["bin", "sbin"]);
  return [
    ...[...folders]
      .filter((folder) => !had.has(folder))
      .sort()
      .map(directory),
    ...[...files].map((file) => executable(file.slice(1), readProgram(file))),
  ];
}

function readProgram(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new BadInput(
      "--with",
      file,
      `cannot be read (${(error as NodeJS.ErrnoException).code})`,
      "name a program that is there",
    );
  }
}
