/**
 * The per-thread protocol as a model of the checker's own: what `bench/per-thread.pml` is for SPIN.
 *
 * A reference pgd per mm, a table per thread. A slot is populated in the reference and in the table of the thread that
 * faulted; others copy it when they fault. It is cleared in the reference, then in each sibling's table, and the L3
 * is freed after a flush of all CPUs that have a table of the mm loaded, lazily or not.
 *
 * The two files correspond action by action: an action here is one `d_step` there, a cell here is a global byte there, and
 * both look at the invariants once per state. So states and transitions are equal, and bench/check.ts compares them. Each is one
 * file, however long, to be read side by side.
 *
 * Shape of a state, a byte each:
 *   ref[mm][slot]    1: the reference has the slot
 *   l3[mm][slot]     L3_FREE, L3_LIVE, L3_DETACHED: the table that the slot has, or had
 *   rep[t][slot]     1: the thread's table has the slot
 *   lock[mm]         1 + thread that holds page_table_lock
 *   pc[t], slot[t], next[t], ops[t], on[t]   path of a thread, its registers, operations left, 1 + CPU it runs on
 *   cur[c], hw[c], tlb[c], ipi[c]   1 + thread that runs; 1 + thread whose table %cr3 has; slots cached; a flush is due
 *
 * Differs: one L3 per mm and slot at a time, since the lock is held until it is free; no memory below the L3.
 */
import type { Action, Model, ModelSource, Property } from "../checker/model.js";
import { Words } from "../checker/model.js";

export interface PerThreadOptions {
  readonly cpus: number;
  /** The mm of each thread, in ascending order. */
  readonly threads: readonly number[];
  readonly slots: number;
  /** Touches and unmappings of each thread. */
  readonly ops: number;
}

/** Two CPUs, three threads over two mms, two slots, two operations a thread. */
export const SMALL: PerThreadOptions = { cpus: 2, threads: [0, 0, 1], slots: 2, ops: 2 };

export function perThreadSource(options: PerThreadOptions): ModelSource {
  return { module: __filename, make: "perThread", options };
}

const L3_FREE = 0;
const L3_LIVE = 1;
const L3_DETACHED = 2;

// where a thread is in its path; 0: in user mode
const FAULT = 1;
const SYNC = 2;
const ALLOC = 3;
const SET_REF = 4;
const SET_OWN = 5;
const CLEAR_REF = 6;
const CLEAR_SIBLING = 7;
const RELEASE = 8;
const FLUSH = 9;
const FREE = 10;

const STEPS = [
  "",
  "do_user_addr_fault",
  "sync_fault",
  "__pud_alloc",
  "set_p4d(reference)",
  "set_p4d(thread)",
  "p4d_clear(reference)",
  "p4d_clear(sibling)",
  "paravirt_release_pud",
  "flush_tlb_multi",
  "pud_free",
];

// kinds of actions
const TOUCH = 0;
const UNMAP = 1;
const STEP = 2;
const RUN = 3;
const IDLE = 4;
const WALK = 5;
const IPI = 6;

export function perThread({ cpus, threads, slots, ops }: PerThreadOptions): Model {
  const nrThreads = threads.length;
  const nrMms = Math.max(...threads) + 1;
  const siblings = threads.map((mm) => threads.flatMap((other, u) => (other === mm ? [u] : [])));
  const first = threads.map((mm) => threads.indexOf(mm));
  let size = 0;
  const field = (cells: number): number => (size += cells) - cells;
  const ref = field(nrMms * slots);
  const l3 = field(nrMms * slots);
  const rep = field(nrThreads * slots);
  const lock = field(nrMms);
  const pc = field(nrThreads);
  const slot = field(nrThreads);
  const next = field(nrThreads);
  const opsLeft = field(nrThreads);
  const on = field(nrThreads);
  const cur = field(cpus);
  const hw = field(cpus);
  const tlb = field(cpus);
  const ipi = field(cpus);

  const nrWords = Math.ceil(size / 4);
  const words = new Int32Array(nrWords);
  const s = new Uint8Array(words.buffer);
  const mmOf = Uint8Array.from(threads);
  const firstOf = Uint8Array.from(first);
  const siblingsOf = Uint8Array.from(siblings, (all) => all.length);
  const reading = new Words();
  const writing = new Words();
  const naming = new Words();

  const actions: Action[] = [];
  const kinds: number[] = [];
  const args: [number, number][] = [];
  const add = (kind: number, process: number, name: string, a: number, b = 0): void => {
    actions.push({ name, process });
    kinds.push(kind);
    args.push([a, b]);
  };
  const each = (n: number, f: (i: number) => void): void => Array.from({ length: n }, (_, i) => i).forEach(f);
  each(nrThreads, (t) => {
    each(slots, (at) => add(TOUCH, t, `thread ${t} touches slot ${at}`, t, at));
    each(slots, (at) => add(UNMAP, t, `thread ${t} unmaps slot ${at}`, t, at));
    add(STEP, t, `thread ${t} goes on`, t);
  });
  each(cpus, (c) => {
    const process = nrThreads + c;
    each(nrThreads, (t) => add(RUN, process, `cpu ${c} switches to thread ${t}`, c, t));
    add(IDLE, process, `cpu ${c} goes idle, lazily`, c);
    each(slots, (at) => add(WALK, process, `cpu ${c} walks to slot ${at}`, c, at));
    add(IPI, process, `cpu ${c} takes the flush IPI`, c);
  });
  const kindOf = Uint8Array.from(kinds);
  const argA = Uint8Array.from(args, ([a]) => a);
  const argB = Uint8Array.from(args, ([, b]) => b);

  function touch(t: number, at: number): boolean {
    const c = s[on + t]! - 1;
    if (c < 0 || s[pc + t] !== 0 || s[opsLeft + t] === 0) return false;
    if ((s[tlb + c]! & (1 << at)) !== 0 || s[rep + t * slots + at] !== 0) {
      s[tlb + c]! |= 1 << at;
      s[opsLeft + t]!--;
    } else {
      s[pc + t] = FAULT;
      s[slot + t] = at;
    }
    return true;
  }

  function unmap(t: number, at: number): boolean {
    if (s[on + t] === 0 || s[pc + t] !== 0 || s[opsLeft + t] === 0) return false;
    s[pc + t] = CLEAR_REF;
    s[slot + t] = at;
    s[opsLeft + t]!--;
    return true;
  }

  /** Back to user mode, with registers that tell nothing. */
  function leave(t: number): boolean {
    s[pc + t] = 0;
    s[slot + t] = 0;
    s[next + t] = 0;
    return true;
  }

  function goOn(t: number): boolean {
    const m = mmOf[t]!;
    const entry = m * slots + s[slot + t]!;
    switch (s[pc + t]) {
      case FAULT:
        s[pc + t] = s[ref + entry] !== 0 ? SYNC : ALLOC;
        return true;
      case SYNC:
        if (s[lock + m] !== 0) return false;
        if (s[ref + entry] === 0) {
          s[pc + t] = FAULT;
          return true;
        }
        s[rep + t * slots + s[slot + t]!] = 1;
        return leave(t);
      case ALLOC:
        if (s[lock + m] !== 0) return false;
        if (s[ref + entry] !== 0) {
          s[pc + t] = SYNC;
          return true;
        }
        s[lock + m] = t + 1;
        s[l3 + entry] = L3_LIVE;
        s[pc + t] = SET_REF;
        return true;
      case SET_REF:
        s[ref + entry] = 1;
        s[pc + t] = SET_OWN;
        return true;
      case SET_OWN:
        s[rep + t * slots + s[slot + t]!] = 1;
        s[lock + m] = 0;
        return leave(t);
      case CLEAR_REF:
        if (s[lock + m] !== 0) return false;
        if (s[ref + entry] === 0) return leave(t);
        s[lock + m] = t + 1;
        s[ref + entry] = 0;
        s[pc + t] = CLEAR_SIBLING;
        return true;
      case CLEAR_SIBLING: {
        const n = siblingsOf[t]!;
        const sibling = firstOf[t]! + ((t - firstOf[t]! + s[next + t]!) % n); // its own table first
        s[rep + sibling * slots + s[slot + t]!] = 0;
        s[next + t]!++;
        if (s[next + t] === n) {
          s[next + t] = 0;
          s[pc + t] = RELEASE;
        }
        return true;
      }
      case RELEASE:
        s[l3 + entry] = L3_DETACHED;
        s[pc + t] = FLUSH;
        return true;
      case FLUSH: {
        const self = s[on + t]! - 1;
        for (let c = 0; c < cpus; c++) {
          if (c === self) s[tlb + c] = 0;
          else if (s[hw + c] !== 0 && mmOf[s[hw + c]! - 1] === m) s[ipi + c] = 1;
        }
        s[pc + t] = FREE;
        return true;
      }
      case FREE: {
        const self = s[on + t]! - 1;
        for (let c = 0; c < cpus; c++) if (c !== self && s[ipi + c] !== 0) return false;
        s[l3 + entry] = L3_FREE;
        s[lock + m] = 0;
        return leave(t);
      }
      default:
        return false;
    }
  }

  function switchTo(c: number, t: number): boolean {
    if (s[cur + c] !== 0 || s[on + t] !== 0 || s[opsLeft + t] === 0) return false;
    s[cur + c] = t + 1;
    s[on + t] = c + 1;
    if (s[hw + c] !== t + 1) {
      s[hw + c] = t + 1;
      s[tlb + c] = 0;
    }
    return true;
  }

  function goIdle(c: number): boolean {
    const t = s[cur + c]! - 1;
    if (t < 0 || s[pc + t] !== 0) return false;
    s[cur + c] = 0;
    s[on + t] = 0;
    return true;
  }

  function hardwareWalk(c: number, at: number): boolean {
    const t = s[hw + c]! - 1;
    if (t < 0 || s[rep + t * slots + at] === 0 || (s[tlb + c]! & (1 << at)) !== 0) return false;
    s[tlb + c]! |= 1 << at;
    return true;
  }

  function takeIpi(c: number): boolean {
    if (s[ipi + c] === 0) return false;
    s[ipi + c] = 0;
    s[tlb + c] = 0;
    return true;
  }

  function noDanglingReference(): boolean {
    for (let t = 0; t < nrThreads; t++) {
      for (let at = 0; at < slots; at++) {
        if (s[rep + t * slots + at] !== 0 && s[l3 + mmOf[t]! * slots + at] !== L3_LIVE) return false;
      }
    }
    return true;
  }

  function noStaleTranslation(): boolean {
    for (let c = 0; c < cpus; c++) {
      if (s[tlb + c] === 0) continue;
      const entry = l3 + mmOf[s[hw + c]! - 1]! * slots;
      for (let at = 0; at < slots; at++) {
        if ((s[tlb + c]! & (1 << at)) !== 0 && s[entry + at] === L3_FREE) return false;
      }
    }
    return true;
  }

  const properties: Property[] = [
    {
      name: "I-1",
      says: "a slot of a thread's table refers to a table that is live",
      kind: "always",
      holds: noDanglingReference,
    },
    {
      name: "I-4",
      says: "no CPU holds a translation through a table that is free",
      kind: "always",
      holds: noStaleTranslation,
    },
  ];

  // exchanging CPUs, slots, and the two threads of an mm that has two, in all combinations; without the identity
  const pairs = siblings.filter((all, t) => all.length === 2 && all[0] === t);
  const threadOrders = pairs.reduce(
    (orders, [a, b]) =>
      orders.flatMap((order) => [order, order.map((t) => (t === a ? b! : t === b ? a! : t))]),
    [threads.map((_, t) => t)],
  );
  const names = threadOrders
    .flatMap((ts) => orders(cpus).flatMap((cs) => orders(slots).map((ss) => renaming(ts, cs, ss))))
    .slice(1);
  const renamed = new Int32Array(nrWords);
  const r = new Uint8Array(renamed.buffer);

  /** Where each cell goes, and what becomes of thread, CPU and slot numbers in it. */
  function renaming(ts: readonly number[], cs: readonly number[], ss: readonly number[]) {
    const to = new Uint8Array(size);
    const place = (base: number, n: number, at: (i: number) => number): void =>
      each(n, (i) => (to[base + i] = base + at(i)));
    const bySlot = (i: number): number => Math.floor(i / slots) * slots + ss[i % slots]!;
    for (const base of [ref, l3]) place(base, nrMms * slots, bySlot);
    place(rep, nrThreads * slots, (i) => ts[Math.floor(i / slots)]! * slots + ss[i % slots]!);
    place(lock, nrMms, (m) => m);
    for (const base of [pc, slot, next, opsLeft, on]) place(base, nrThreads, (t) => ts[t]!);
    for (const base of [cur, hw, tlb, ipi]) place(base, cpus, (c) => cs[c]!);
    const masks = Uint8Array.from({ length: 1 << slots }, (_, mask) =>
      ss.reduce((bits, as, at) => bits | (((mask >> at) & 1) << as), 0),
    );
    const oneBased = (order: readonly number[]): Uint8Array => Uint8Array.of(0, ...order.map((i) => i + 1));
    return { to, threads: oneBased(ts), cpus: oneBased(cs), slots: Uint8Array.from(ss), masks };
  }

  return {
    name: "per-thread",
    stateBytes: size,
    processes: [
      ...threads.map((_, t) => `thread ${t}`),
      ...Array.from({ length: cpus }, (_, c) => `cpu ${c}`),
    ],
    actions,
    properties,
    symmetries: names.length,
    initial() {
      s.fill(0);
      s.fill(ops, opsLeft, opsLeft + nrThreads);
    },
    load(from, at) {
      const source = reading.of(from);
      const base = at >>> 2;
      for (let i = 0; i < nrWords; i++) words[i] = source[base + i]!;
    },
    store(to, at) {
      const target = writing.of(to);
      const base = at >>> 2;
      for (let i = 0; i < nrWords; i++) target[base + i] = words[i]!;
    },
    storeAs(name, bytes, at) {
      const by = names[name - 1]!;
      const { to } = by;
      for (let i = 0; i < size; i++) r[to[i]!] = s[i]!;
      for (let m = 0; m < nrMms; m++) r[lock + m] = by.threads[r[lock + m]!]!;
      for (let t = 0; t < nrThreads; t++) {
        if (r[pc + t] !== 0) r[slot + t] = by.slots[r[slot + t]!]!;
        r[on + t] = by.cpus[r[on + t]!]!;
      }
      for (let c = 0; c < cpus; c++) {
        r[cur + c] = by.threads[r[cur + c]!]!;
        r[hw + c] = by.threads[r[hw + c]!]!;
        r[tlb + c] = by.masks[r[tlb + c]!]!;
      }
      const target = naming.of(bytes);
      for (let i = 0, k = at >>> 2; i < nrWords; i++, k++) target[k] = renamed[i]!;
    },
    run(action) {
      const a = argA[action]!;
      const b = argB[action]!;
      switch (kindOf[action]) {
        case TOUCH:
          return touch(a, b);
        case UNMAP:
          return unmap(a, b);
        case STEP:
          return goOn(a);
        case RUN:
          return switchTo(a, b);
        case IDLE:
          return goIdle(a);
        case WALK:
          return hardwareWalk(a, b);
        default:
          return takeIpi(a);
      }
    },
    describe() {
      const facts = new Map<string, string>();
      const list = (base: number): string => Array.from({ length: slots }, (_, at) => s[base + at]).join(" ");
      for (let m = 0; m < nrMms; m++) {
        facts.set(`reference of mm ${m}`, list(ref + m * slots));
        facts.set(`L3 tables of mm ${m}`, list(l3 + m * slots));
        facts.set(`page_table_lock of mm ${m}`, s[lock + m] === 0 ? "free" : `thread ${s[lock + m]! - 1}`);
      }
      threads.forEach((_, t) => {
        facts.set(`table of thread ${t}`, list(rep + t * slots));
        facts.set(`thread ${t}`, STEPS[s[pc + t]!] || "user mode");
      });
      for (let c = 0; c < cpus; c++) {
        facts.set(`%cr3 of cpu ${c}`, s[hw + c] === 0 ? "init" : `thread ${s[hw + c]! - 1}`);
        facts.set(`tlb of cpu ${c}`, s[tlb + c]!.toString(2));
        facts.set(`ipi of cpu ${c}`, String(s[ipi + c]));
      }
      return facts;
    },
  };
}

/** All orders of n things, the usual one first. */
function orders(n: number): number[][] {
  if (n === 0) return [[]];
  return orders(n - 1).flatMap((rest) =>
    Array.from({ length: n }, (_, i) => [...rest.slice(0, n - 1 - i), n - 1, ...rest.slice(n - 1 - i)]),
  );
}
