/**
 * One boot: Xen, a kernel as dom0 and an initramfs, in QEMU without acceleration, until the guest is done.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { createWriteStream, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BadInput } from "../abi/bad-input.js";
import type { Ingredients } from "./packages.js";

export interface BootOptions {
  readonly cpus: number;
  /** Seconds. */
  readonly patience: number;
  readonly xenArguments: readonly string[];
  readonly linuxArguments: readonly string[];
  /** Called every so often, with a socket to QEMU's monitor. */
  readonly onMonitor?: (socket: string) => Promise<void>;
}

/** Written by the guest when it has done everything. */
const ALL = "@@ all";

export const XEN_ARGUMENTS: readonly string[] = [
  "console=com1",
  "com1=115200,8n1",
  "loglvl=all",
  "guest_loglvl=all",
  "dom0_mem=2G",
  "dom0=pv",
  "dom0_vcpus_pin",
  "noreboot",
  "sync_console", // no character is dropped where the serial line is slow
];

/** As the ground truth was recorded: scripts run on isolated, tickless CPUs. */
export const LINUX_ARGUMENTS: readonly string[] = [
  "console=hvc0",
  "earlyprintk=xen",
  "nokaslr",
  "norandmaps",
  "transparent_hugepage=never",
  "nowatchdog",
];

export function isolation(cpus: number): string[] {
  const others = `1-${cpus - 1}`;
  return [`isolcpus=domain,managed_irq,${others}`, `nohz_full=${others}`, `rcu_nocbs=${others}`];
}

/**
 * Boot in folder `scratch`; returns what the serial line gave. Errors: BadInput where QEMU does not start, or the guest
 * does not end in time; the serial line is in `scratch`/console.log then.
 */
export async function boot(
  ingredients: Ingredients,
  initramfs: Buffer,
  scratch: string,
  options: BootOptions,
): Promise<string> {
  const [xen, initrd, log, monitor] = ["xen", "initramfs.cpio", "console.log", "monitor"].map((name) =>
    join(scratch, name),
  ) as [string, string, string, string];
  writeFileSync(xen, ingredients.xen);
  writeFileSync(initrd, initramfs);
  const linux = [ingredients.kernel, ...options.linuxArguments].join(" ");
  const child = spawn(
    ingredients.qemu,
    [
      ["-machine", "q35,accel=tcg", "-cpu", "max,-smap,-smep", "-smp", String(options.cpus), "-m", "3G"],
      ["-display", "none", "-no-reboot", "-nodefaults", "-serial", "stdio"],
      ["-monitor", `unix:${monitor},server=on,wait=off`],
      ["-kernel", xen, "-append", [...options.xenArguments, `dom0_max_vcpus=${options.cpus}`].join(" ")],
      ["-initrd", `${linux.replaceAll(",", ",,")},${initrd}`],
    ].flat(),
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  child.stdout.pipe(createWriteStream(log));
  const { text, ended } = await watch(child, options, monitor);
  if (!ended)
    throw new BadInput(
      log,
      "",
      `the guest was not done after ${options.patience} s`,
      "see its last lines, or give --patience",
    );
  if (!text.includes(ALL))
    throw new BadInput(log, "", "the guest ended before it was done", "see its last lines");
  return text;
}

/** What the serial line of the boot in `scratch` has given so far. */
export function consoleOf(scratch: string): string {
  const log = join(scratch, "console.log");
  return existsSync(log) ? readFileSync(log, "latin1") : "";
}

/** Read the serial line until the guest is done, or patience is at an end; no QEMU is left behind. */
async function watch(
  child: ChildProcess,
  options: BootOptions,
  monitor: string,
): Promise<{ text: string; ended: boolean }> {
  const chunks: string[] = [];
  let recent = "";
  let errors = "";
  let ended = true;
  let sampling = false;
  const kill = (): boolean => child.kill("SIGKILL");
  const leave = (): never => process.exit(130);
  process.once("exit", kill).once("SIGINT", leave).once("SIGTERM", leave);
  const patience = setTimeout(() => {
    ended = false;
    kill();
  }, options.patience * 1000);
  const sampler = setInterval(() => {
    if (options.onMonitor === undefined || sampling) return;
    sampling = true;
    void options.onMonitor(monitor).finally(() => (sampling = false));
  }, 1000);
  child.stdout!.setEncoding("latin1").on("data", (chunk: string) => {
    chunks.push(chunk);
    recent = recent.slice(-80) + chunk; // a chunk may be a character
    if (/Hardware Dom0 (crashed|halted)|Panic on CPU/.test(recent) || recent.includes(`\n${ALL}`))
      setTimeout(kill, 1000);
  });
  child.stderr!.on("data", (chunk: Buffer) => (errors += chunk.toString()));
  const failure = await new Promise<Error | undefined>((resolve) => {
    child.on("error", resolve).on("close", () => resolve(undefined));
  });
  clearTimeout(patience);
  clearInterval(sampler);
  process.off("exit", kill).off("SIGINT", leave).off("SIGTERM", leave);
  const text = chunks.join("");
  if (failure !== undefined || (text === "" && errors !== ""))
    throw new BadInput("qemu-system-x86_64", "", failure?.message ?? errors.trim(), "see that it can start");
  return { text, ended };
}
