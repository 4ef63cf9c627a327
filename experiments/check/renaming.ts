/**
 * Renamings of a checked state: vCPUs, threads of one process, processes of equal size and slots can be exchanged, as no step
 * of a kernel's, and no property, tells them apart.
 *
 * What makes them equal though Linux numbers them: the order in which replicas are visited is any (replica-order.ts), a flush of
 * several pCPUs is told by who had it, not by when, and counts of L4s that differ from boot on are written as differences.
 *
 * Differs: vCPUs are exchanged where there are two, and none goes down: to more, Xen sends flush interrupts in ascending order, and CPU 0
 *          never goes.
 */
import { idle_task } from "../../linux-mm-model/sched.js";
import { CPU, CPUS, HOLDER, KINDS, MM, SLOT, SLOT1, SLOTS, TASK } from "./cells.js";
import { type Bounds, firstKthread, firstThread, mmOfThread } from "./bounds.js";

/** In new order, what was there: vCPUs, tasks, mms (from 1 up), slots. */
export interface Renaming {
  readonly vcpus: readonly number[];
  readonly tasks: readonly number[];
  readonly mms: readonly number[];
  readonly slots: readonly number[];
  /** New value of each value, by kind. */
  readonly map: Uint8Array;
}

/** All renamings of a scene, the identity first; without `symmetric` that one alone. */
export function renamings(bounds: Bounds, symmetric: boolean): readonly Renaming[] {
  const { vcpus, threads, mms, slots, hotplugs = 0 } = bounds;
  const mmList = upTo(mms).map((mm) => mm + 1);
  const threadsOf = (mm: number): number[] => upTo(threads).filter((n) => mmOfThread(bounds, n) === mm);
  const all: Renaming[] = [];
  const orders = <T>(list: readonly T[]): T[][] => (symmetric ? permutations(list) : [[...list]]);
  // forks and exits mix threads and processes
  const ordersOfTasks = <T>(list: readonly T[]): T[][] =>
    (bounds.forks ?? 0) > 0 ? [[...list]] : orders(list);
  for (const vcpuOrder of vcpus === 2 && hotplugs === 0 ? orders(upTo(vcpus)) : [upTo(vcpus)]) {
    for (const slotOrder of orders(upTo(slots))) {
      for (const mmOrder of ordersOfTasks(mmList)) {
        if (mmOrder.some((mm, i) => threadsOf(mm).length !== threadsOf(i + 1).length)) continue;
        for (const threadOrder of product(mmOrder.map((mm) => ordersOfTasks(threadsOf(mm))))) {
          const tasks = [
            ...vcpuOrder.map((vcpu) => idle_task(vcpu)),
            ...threadOrder.flat().map((n) => firstThread(bounds) + n),
            ...upTo(bounds.kthreads ?? 0).map((n) => firstKthread(bounds) + n),
          ];
          all.push(renaming(vcpuOrder, tasks, mmOrder, slotOrder));
        }
      }
    }
  }
  return all;
}

function renaming(
  vcpus: readonly number[],
  tasks: readonly number[],
  mms: readonly number[],
  slots: readonly number[],
): Renaming {
  const map = new Uint8Array(KINDS * 256).map((_, i) => i & 0xff);
  const give = (kind: number, order: readonly number[], bias: number): void =>
    order.forEach((old, i) => (map[kind + old + bias] = i + bias));
  give(CPU, vcpus, 0);
  give(HOLDER, vcpus, 1);
  give(TASK, tasks, 0);
  give(MM, [0, ...mms], 0);
  give(SLOT, slots, 0);
  give(SLOT1, slots, 1);
  for (let bits = 0; bits < 256; bits++) {
    map[CPUS + bits] = moved(bits, vcpus);
    map[SLOTS + bits] = moved(bits, slots);
  }
  return { vcpus, tasks, mms, slots, map };
}

/** Bit order[i] of `bits` as bit i; others stay. */
function moved(bits: number, order: readonly number[]): number {
  let rest = bits;
  let set = 0;
  order.forEach((old, i) => {
    rest &= ~(1 << i);
    if (((bits >>> old) & 1) !== 0) set |= 1 << i;
  });
  return rest | set;
}

function upTo(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i);
}

function permutations<T>(list: readonly T[]): T[][] {
  if (list.length < 2) return [[...list]];
  return list.flatMap((first, i) => {
    const rest = [...list.slice(0, i), ...list.slice(i + 1)];
    return permutations(rest).map((order) => [first, ...order]);
  });
}

function product<T>(lists: readonly (readonly T[])[]): T[][] {
  return lists.reduce<T[][]>((all, list) => all.flatMap((some) => list.map((one) => [...some, one])), [[]]);
}
