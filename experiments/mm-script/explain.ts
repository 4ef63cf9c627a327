/**
 * One step, told as a kernel engineer would trace it: each pv-op and hypercall in order, and the functions that led
 * to it. The functions of the Linux twin have the kernel's names, so that the call stack is the kernel's.
 */
import { HYPERCALL_NAMES } from "../../abi/hypercalls.js";
import type { Hypervisor } from "../../abi/hypervisor.js";
import type { Proposal } from "../../abi/proposal.js";
import type { Machine } from "../../machine/machine.js";
import { groupsOf, ScriptMachine, scriptsOf, type StepName } from "./play-scripts.js";
import { Player } from "./player.js";

/** Lines about step `only`. */
export function explainStep(files: readonly string[], only: StepName, proposal: Proposal): string[] {
  const lines: string[] = [];
  for (const { file, script } of scriptsOf(files, only)) {
    const machine = new ScriptMachine(proposal).restart();
    const player = new Player(machine, script, file);
    for (const [first, last] of groupsOf(script)) {
      if (only.step > last) player.play(first, last);
      else if (only.step >= first) {
        lines.push(`${script.name}:${only.step} ${JSON.stringify(script.steps[only.step])}`);
        listen(machine, lines);
        player.play(first, last);
      }
    }
  }
  return lines;
}

/** From now on, write a line for each pv-op and hypercall. */
function listen(machine: Machine, lines: string[]): void {
  const { linux } = machine;
  const say = (cpu: number, what: string): void => {
    lines.push(`  vcpu ${cpu}  ${what.padEnd(52)} ${caller()}`);
  };
  linux.at_once = false;
  const pv = linux.pv as unknown as Record<string, (...args: number[]) => unknown>;
  for (const name of pvOps(pv)) {
    const op = pv[name]!.bind(pv);
    pv[name] = (...args: number[]) => {
      say(args[0]!, `${name}(${args.slice(1).map(hex).join(", ")})`);
      return op(...args);
    };
  }
  const inner: Hypervisor = linux.hv;
  const hv = Object.create(inner) as Hypervisor;
  hv.hypercall = (vcpu, calls, row) => {
    say(vcpu, `HYPERVISOR_${name(calls.op[row]!)}${items(calls.count[row]!)}`);
    return inner.hypercall(vcpu, calls, row);
  };
  hv.multicall = (vcpu, calls, count) => {
    const names = Array.from({ length: count }, (_, row) => name(calls.op[row]!) + items(calls.count[row]!));
    say(vcpu, `HYPERVISOR_multicall(${names.join(", ")})`);
    return inner.multicall(vcpu, calls, count);
  };
  hv.iret = (vcpu, toUser) => {
    say(vcpu, `HYPERVISOR_iret to ${toUser ? "user" : "kernel"} mode`);
    inner.iret(vcpu, toUser);
  };
  linux.connect(hv);
}

/** Names of the pv-ops: methods of the class, and of what it extends. */
function pvOps(pv: Readonly<Record<string, unknown>>): string[] {
  const names: string[] = [];
  const below = (object: object) => Object.getPrototypeOf(object) as object;
  for (let from = below(pv); from !== Object.prototype; from = below(from))
    names.push(...Object.getOwnPropertyNames(from));
  return [...new Set(names)].filter(
    (name) => name !== "constructor" && name !== "set_ptes" && pv[name] !== undefined,
  );
}

function name(op: number): string {
  return HYPERCALL_NAMES[op] ?? `call ${op}`;
}

function items(count: number): string {
  return count > 1 ? ` x${count}` : "";
}

function hex(value: unknown): string {
  return typeof value === "number" ? `0x${value.toString(16)}` : String(value);
}

/** Functions of the Linux twin on the stack, the outermost first. */
function caller(): string {
  const names: string[] = [];
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 60;
  const stack = new Error().stack ?? "";
  Error.stackTraceLimit = limit;
  for (const line of stack.split("\n")) {
    if (!line.includes("linux-mm-model")) continue;
    const found = /at (?:\w*MmuOps\.)?([A-Za-z_]\w*) /.exec(line);
    if (found !== null && names[0] !== found[1] && found[1] !== "run") names.unshift(found[1]!);
  }
  return names.join(" > ");
}
