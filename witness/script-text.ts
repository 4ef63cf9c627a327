/**
 * An mm script as the driver in the guest reads it: tasks numbered, regions as addresses, ops as numbers.
 *
 * Shape: one task or step a line, as witness/guest/driver.c says; the order of OPS is that of `enum op` in control.h.
 */
import { BadInput } from "../abi/bad-input.js";
import type { MmScript, MmStep, Prot } from "../experiments/mm-script/script.js";

const OPS = [
  "nop",
  "syscalls",
  "mmap",
  "touch",
  "kread",
  "munmap",
  "mprotect",
  "mlock",
  "mprotect_flip",
  "madvise",
  "mremap",
  "fork",
  "clone_thread",
  "exec",
  "exit",
  "exit_group",
  "switch",
  "peer of a switch",
  "thread_storm",
  "pthread_storm",
  "fork_storm",
  "vfork_exec",
  "park",
  "migrate",
  "fdgrow",
  "fpu",
];

const PROT: Readonly<Record<Prot, number>> = { none: 0, r: 1, w: 2, rw: 3, rx: 5, rwx: 7 };
const ADVICE = { dontneed: 4, free: 8, willneed: 3, populate_read: 22, populate_write: 23 } as const;
const MAP = {
  shared: 0x1,
  private: 0x2,
  anonymous: 0x20,
  growsdown: 0x100,
  populate: 0x8000,
  noreplace: 0x100000,
};
const FILE_FD = 4;
const NO_FD = "18446744073709551615";
const PAGE = 4096;
const SLOT = 2 ** 39;
/** Tasks that can be alive at a time, as in control.h. */
const MAX_TASKS = 79;

type Argument = number | string;

/** The driver's text of `script`; `firstCpu` is the guest CPU that stands for vCPU 0. Errors: BadInput. */
export function scriptText(script: MmScript, where: string, firstCpu: number): string {
  const tasks = new Tasks(script, where);
  const lines = script.tasks.map(({ task, vcpu }) => `task ${tasks.process(task, vcpu)} ${vcpu + firstCpu}`);
  script.steps.forEach((step, index) => {
    const bad = (what: string, remedy: string): never => {
      throw new BadInput(where, `${script.name} step ${index}`, what, remedy);
    };
    const task = tasks.number(step.task) ?? bad(`there is no task ${step.task} now`, "name one that lives");
    const { wait, child } = tasks.follow(step);
    if (child > MAX_TASKS - 1) bad("makes one task too many", `let at most ${MAX_TASKS} live at a time`);
    const given = stepArguments(script, step, tasks, firstCpu, bad);
    const seven = Array.from({ length: 7 }, (_, i) => given[i] ?? 0);
    const parallel = step.parallel === true ? 1 : 0;
    lines.push(["step", task, parallel, wait, child, OPS.indexOf(step.op), ...seven].join(" "));
  });
  return `${lines.join("\n")}\n`;
}

/** How the end of a step is seen: see driver.c. */
type Wait = "d" | "c" | "e" | "r" | "t" | "l";

interface Living {
  readonly number: number;
  readonly process: number;
  leader: boolean;
  vcpu: number;
}

/** Which tasks live, whose process they are of, and where they run. */
class Tasks {
  private readonly alive = new Map<string, Living>();
  private processes = 0;

  constructor(
    private readonly script: MmScript,
    private readonly where: string,
  ) {}

  number(name: string): number | undefined {
    return this.alive.get(name)?.number;
  }

  vcpu(name: string): number {
    return this.alive.get(name)!.vcpu;
  }

  /** A process begins with the task `name`. */
  process(name: string, vcpu: number): number {
    return this.add(name, { process: this.processes++, leader: true, vcpu });
  }

  /** What becomes of the tasks in `step`, and how its end is seen. */
  follow(step: MmStep): { wait: Wait; child: number } {
    const me = this.alive.get(step.task)!;
    const others = [...this.alive].filter(([name, t]) => t.process === me.process && name !== step.task);
    switch (step.op) {
      case "fork":
        return { wait: "c", child: this.process(step.child, step.vcpu) };
      case "clone_thread":
        return {
          wait: "c",
          child: this.add(step.child, { process: me.process, leader: false, vcpu: step.vcpu }),
        };
      case "exec":
        for (const [name] of others) this.alive.delete(name);
        me.leader = true;
        return { wait: "e", child: 0 };
      case "exit":
        this.alive.delete(step.task);
        return { wait: others.length === 0 ? "r" : me.leader ? "l" : "t", child: 0 };
      case "exit_group":
        for (const [name] of [...others, [step.task] as const]) this.alive.delete(name);
        return { wait: "r", child: 0 };
      case "migrate":
        me.vcpu = step.vcpu;
        return { wait: "d", child: 0 };
      default:
        return { wait: "d", child: 0 };
    }
  }

  private add(name: string, of: Omit<Living, "number">): number {
    if (this.alive.has(name))
      throw new BadInput(
        this.where,
        this.script.name,
        `makes task ${name} twice`,
        "give each a name of its own",
      );
    const used = new Set([...this.alive.values()].map((t) => t.number));
    let number = 0;
    while (used.has(number)) number++;
    this.alive.set(name, { number, ...of });
    return number;
  }
}

function stepArguments(
  script: MmScript,
  step: MmStep,
  tasks: Tasks,
  firstCpu: number,
  bad: (what: string, remedy: string) => never,
): Argument[] {
  const region = (name: string): { start: number; pages: number } => {
    const found = script.regions[name] ?? bad(`there is no region ${name}`, "name one of `regions`");
    return { start: found.slot * SLOT + found.page * PAGE, pages: found.pages };
  };
  const part = (of: {
    region: string;
    from?: number | undefined;
    count?: number | undefined;
  }): [number, number] => {
    const { start, pages } = region(of.region);
    const from = of.from ?? 0;
    return [start + from * PAGE, of.count ?? pages - from];
  };
  const bytes = (of: Parameters<typeof part>[0]): [number, number] => {
    const [start, pages] = part(of);
    return [start, pages * PAGE];
  };
  switch (step.op) {
    case "syscalls":
      return [step.calls];
    case "mmap":
      return mmapArguments(step, bytes(step));
    case "touch": {
      const { order } = step;
      const [kind, seed, touches] =
        typeof order === "object" ? [2, order.random, order.touches] : [order === "up" ? 0 : 1, 0, 0];
      return [...part(step), step.access === "write" ? 1 : 0, step.stride, kind, seed, touches];
    }
    case "kread":
    case "munmap":
    case "mlock":
      return bytes(step);
    case "mprotect":
      return [...bytes(step), PROT[step.prot]];
    case "mprotect_flip":
      return [...bytes(step), PROT[step.prot_a], PROT[step.prot_b], step.rounds];
    case "madvise":
      return [...bytes(step), ADVICE[step.advice]];
    case "mremap": {
      const [start, length] = bytes(step);
      const newLength = step.new_count === undefined ? length : step.new_count * PAGE;
      return [start, length, newLength, region(step.to).start + step.to_from * PAGE];
    }
    case "fork":
    case "clone_thread":
      return [tasks.number(step.child)!, step.vcpu + firstCpu];
    case "exec":
      return [tasks.vcpu(step.task) + firstCpu];
    case "switch":
      return [
        tasks.number(step.peer) ?? bad(`there is no task ${step.peer} now`, "name one that lives"),
        step.rounds,
      ];
    case "thread_storm":
      return [step.threads, step.region === undefined ? 0 : region(step.region).start, step.touch_pages];
    case "pthread_storm":
      return [step.threads, region(step.region).start, region(step.region).pages * PAGE];
    case "fork_storm":
      return [step.children, step.region === undefined ? 0 : region(step.region).start, step.touch_pages];
    case "vfork_exec":
      return [step.children];
    case "park":
      return [step.mode === "spin" ? 1 : 0];
    case "migrate":
      return [step.vcpu + firstCpu];
    case "fdgrow":
      return [step.fd, step.close === true ? 1 : 0];
    default:
      return [];
  }
}

function mmapArguments(step: Extract<MmStep, { op: "mmap" }>, range: [number, number]): Argument[] {
  const { kind } = step;
  const flags =
    MAP.noreplace |
    (kind === "shared" || kind === "fileshared" ? MAP.shared : MAP.private) |
    (kind === "file" || kind === "fileshared" ? 0 : MAP.anonymous) |
    (kind === "stack" ? MAP.growsdown : 0) |
    (step.populate ? MAP.populate : 0);
  return [...range, PROT[step.prot], flags, kind === "file" || kind === "fileshared" ? FILE_FD : NO_FD];
}
