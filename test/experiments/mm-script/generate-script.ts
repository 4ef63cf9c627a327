/**
 * Scripts of the script language, made from lists of numbers: each number chooses what makes sense next.
 *
 * What a process may touch is kept per page, so that a script has no access that the kernel would answer with a signal.
 */
import type { MmScript, MmStep, Prot } from "../../../experiments/mm-script/script.js";

/** Pages of each region; two of them share a slot, and a third straddles two L1 tables. */
const REGIONS = {
  a: { slot: 3, page: 0, pages: 40 },
  b: { slot: 3, page: 40, pages: 24 },
  c: { slot: 90, page: 500, pages: 30 },
  d: { slot: 91, page: 262144 - 8, pages: 16 },
  e: { slot: 200, page: 1000, pages: 600 },
} as const;
type RegionName = keyof typeof REGIONS;
const NAMES = Object.keys(REGIONS) as RegionName[];

const UNMAPPED = -1;
const ACCESS: Readonly<Record<Prot, number>> = { none: 0, r: 1, w: 3, rw: 3, rx: 1, rwx: 3 };

interface Process {
  /** Per region and page: UNMAPPED, or 1 for readable and 2 for writable. */
  readonly access: Record<RegionName, number[]>;
  /** Regions that mremap has moved: what may be touched there is not kept. */
  readonly moved: Set<RegionName>;
}

interface Task {
  readonly name: string;
  readonly process: Process;
  vcpu: number;
  spins: boolean;
}

/** A script of at most choices.length steps, of at most 8 tasks at a time. */
export function scriptOf(choices: readonly (readonly number[])[]): MmScript {
  const tasks: Task[] = [{ name: "t0", process: emptyProcess(), vcpu: 0, spins: false }];
  const steps: MmStep[] = [];
  choices.forEach((numbers, i) => {
    const step = nextStep(numbers, tasks, i);
    if (step !== undefined) steps.push(step);
  });
  return {
    name: "generated",
    group: "generated",
    vcpus: 2,
    tasks: [{ task: "t0", vcpu: 0 }],
    regions: REGIONS,
    steps,
    results: [],
  };
}

function emptyProcess(): Process {
  const access = {} as Record<RegionName, number[]>;
  for (const name of NAMES) access[name] = new Array<number>(REGIONS[name].pages).fill(UNMAPPED);
  return { access, moved: new Set() };
}

function copyOf({ access, moved }: Process): Process {
  const copy = {} as Record<RegionName, number[]>;
  for (const name of NAMES) copy[name] = [...access[name]];
  return { access: copy, moved: new Set(moved) };
}

const OPS = [
  ..."mmap touch touch touch munmap mprotect madvise mlock mremap kread fork fork clone_thread clone_thread exec".split(
    " ",
  ),
  ..."exit exit_group switch thread_storm pthread_storm fork_storm vfork_exec park migrate fdgrow".split(" "),
  ..."mmap touch munmap mprotect syscalls".split(" "),
];

/** Steps on what is mapped already, and steps in which the task sleeps until another has run. */
const ON_MEMORY = new Set("touch munmap mprotect madvise mlock mremap kread".split(" "));
const SLEEPS = new Set(
  "fork clone_thread switch thread_storm pthread_storm fork_storm vfork_exec".split(" "),
);

function nextStep(numbers: readonly number[], tasks: Task[], i: number): MmStep | undefined {
  const pick = <T>(from: readonly T[], k: number): T => from[numbers[k]! % from.length]!;
  /** Does another task keep t's vCPU? */
  const spun = (t: Task): boolean => tasks.some((o) => o !== t && o.spins && o.vcpu === t.vcpu);
  const able = tasks.filter((t) => !spun(t));
  if (able.length === 0) return undefined;
  const task = pick(able, 0);
  const { process } = task;
  let op = pick(OPS, 1);
  if (task.spins && SLEEPS.has(op)) op = "park";
  let name = pick(NAMES, 2);
  if (ON_MEMORY.has(op)) {
    const mapped = NAMES.filter(
      (n) => !process.moved.has(n) && process.access[n].some((p) => p !== UNMAPPED),
    );
    if (mapped.length === 0) op = "mmap";
    else name = pick(mapped, 2);
  }
  const pages = process.access[name];
  const base = { task: task.name };
  const from = numbers[3]! % pages.length;
  const count = 1 + (numbers[4]! % (pages.length - from));
  const range = (test: (access: number) => boolean): boolean =>
    !process.moved.has(name) && pages.slice(from, from + count).every(test);
  const free = (): boolean => !process.moved.has(name) && pages.every((p) => p === UNMAPPED);
  const mapped = (p: number): boolean => p !== UNMAPPED;
  switch (op) {
    case "mmap": {
      if (!free()) return undefined;
      const prot = pick(["rw", "rw", "rw", "r", "none", "rx", "rwx"] as const, 5);
      const kind = pick(["anon", "anon", "shared", "file", "fileshared", "stack"] as const, 6);
      pages.fill(ACCESS[prot]);
      return { op, ...base, region: name, prot, kind, populate: numbers[7]! % 4 === 0 };
    }
    case "touch": {
      const write = numbers[5]! % 2 === 0;
      if (!range((p) => p !== UNMAPPED && (p & (write ? 2 : 1)) !== 0)) return undefined;
      const order = pick(["up", "down", { random: numbers[7]!, touches: 9 }] as const, 6);
      const access = write ? "write" : "read";
      return { op, ...base, region: name, from, count, access, stride: 1 + (numbers[7]! % 3), order };
    }
    case "kread":
      return range((p) => p !== UNMAPPED && (p & 2) !== 0)
        ? { op, ...base, region: name, from, count }
        : undefined;
    case "munmap":
      if (process.moved.has(name)) return undefined;
      pages.fill(UNMAPPED, from, from + count);
      return { op, ...base, region: name, from, count };
    case "mprotect": {
      if (!range(mapped)) return undefined;
      const prot = pick(["none", "r", "rw", "rx", "rwx"] as const, 5);
      pages.fill(ACCESS[prot], from, from + count);
      return { op, ...base, region: name, from, count, prot };
    }
    case "madvise": {
      const advice = pick(["dontneed", "free", "willneed", "populate_read", "populate_write"] as const, 5);
      return range(mapped) ? { op, ...base, region: name, from, count, advice } : undefined;
    }
    case "mlock":
      return range(mapped) ? { op, ...base, region: name, from, count } : undefined;
    case "mremap": {
      const to = pick(NAMES, 5);
      if (to === name || process.moved.has(name) || !range(mapped)) return undefined;
      process.moved.add(name).add(to);
      const to_from = numbers[6]! % REGIONS[to].pages;
      const new_count = 1 + (numbers[7]! % (REGIONS[to].pages - to_from));
      return { op, ...base, region: name, from, count, to, to_from, new_count };
    }
    case "fork":
    case "clone_thread": {
      if (tasks.length >= 8) return undefined;
      const vcpu = numbers[5]! % 2;
      if (tasks.some((t) => t.spins && t.vcpu === vcpu)) return undefined;
      const child = `t${i + 1}`;
      const shared = op === "clone_thread" ? process : copyOf(process);
      tasks.push({ name: child, process: shared, vcpu, spins: false });
      return { op, ...base, child, vcpu };
    }
    case "exec": {
      // the other threads are killed, and the task is alone in a new process
      const others = tasks.filter((t) => t.process === process && t !== task);
      if (others.some((t) => t.spins || spun(t))) return undefined;
      tasks.splice(0, tasks.length, ...tasks.filter((t) => !others.includes(t) && t !== task));
      tasks.push({ name: task.name, process: emptyProcess(), vcpu: task.vcpu, spins: false });
      return { op, ...base };
    }
    case "exit":
      if (tasks.length === 1) return undefined;
      tasks.splice(tasks.indexOf(task), 1);
      return { op, ...base };
    case "exit_group": {
      const others = tasks.filter((t) => t.process !== process);
      if (others.length === 0 || tasks.some((t) => t.process === process && spun(t))) return undefined;
      tasks.splice(0, tasks.length, ...others);
      return { op, ...base };
    }
    case "switch": {
      const peer = pick(tasks, 5);
      if (peer === task || peer.spins || task.spins || !able.includes(peer)) return undefined;
      return { op, ...base, peer: peer.name, rounds: 1 + (numbers[6]! % 3) };
    }
    case "thread_storm":
      return { op, ...base, threads: 1 + (numbers[5]! % 3), touch_pages: 0 };
    case "pthread_storm":
      return free() ? { op, ...base, threads: 1 + (numbers[5]! % 3), region: name } : undefined;
    case "fork_storm": {
      const touch_pages = 1 + (numbers[6]! % 4);
      const ready = !process.moved.has(name) && pages.slice(0, touch_pages).every((p) => p === 3);
      return {
        op,
        ...base,
        children: 1 + (numbers[5]! % 2),
        ...(ready ? { region: name, touch_pages } : { touch_pages: 0 }),
      };
    }
    case "vfork_exec":
      return { op, ...base, children: 1 + (numbers[5]! % 2) };
    case "park": {
      const mode = pick(["spin", "sleep"] as const, 5);
      task.spins = mode === "spin";
      return { op, ...base, mode };
    }
    case "migrate": {
      const vcpu = numbers[5]! % 2;
      if (task.spins || tasks.some((t) => t !== task && t.spins && t.vcpu === vcpu)) return undefined;
      task.vcpu = vcpu;
      return { op, ...base, vcpu };
    }
    case "fdgrow":
      return { op, ...base, fd: 600000, close: true };
    default:
      return { op: "syscalls", ...base, calls: 2 };
  }
}
