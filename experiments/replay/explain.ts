/**
 * A script as a readable session: each op in Xen's words, its result, the rules that decided, what became of the
 * frames it touched, and the pagetables under an address that faulted.
 */
import type { Vpn } from "../../abi/frames.js";
import { show_page_walk } from "../../xen-model/hw/show-page-walk.js";
import { WalkControl } from "../../xen-model/hw/control.js";
import { decisionLine } from "../../xen-model/audit-log.js";
import { PGT_partial, PGT_pinned, TYPE_NAMES } from "../../xen-model/frame-table.js";
import type { GuestMachine } from "./guest-machine.js";
import { opLines, resultText } from "./op-text.js";
import type { Result } from "./replay-script.js";
import type { Op } from "./script.js";

export class Explainer {
  private readonly control = new WalkControl();
  private before: string[] = [];

  constructor(private readonly machine: GuestMachine) {
    machine.xen.log.enabled = true;
    machine.xen.log.decisions.length = 0;
    this.before = this.frames();
  }

  /** The lines of op `index`, that has just been done. `modelled` is undefined where the recorder left it out. */
  lines(index: number, op: Op, modelled: Result | undefined, equal: boolean): string[] {
    const vcpu = op.vcpu ?? 0;
    const [head, ...rest] = opLines(op);
    const result = modelled === undefined ? "left out when it was recorded" : resultText(modelled);
    const lines = [`${String(index).padStart(4)} ${vcpu === 0 ? "" : `vcpu ${vcpu}: `}${head} = ${result}`];
    lines.push(...rest.map((line) => `       ${line}`));
    if (!equal) lines.push(`     ! recorded: ${resultText(op.result as Result)}`);
    for (const decision of this.machine.xen.log.decisions.splice(0))
      lines.push(`       ${this.named(decisionLine(decision))}`);
    lines.push(...this.changes());
    if (modelled?.["fault"] !== undefined) lines.push(...this.walk(vcpu, op, modelled));
    return lines;
  }

  /** The frames that scripts have names for, with these: "mfn 0x213 (p3)". */
  private named(line: string): string {
    return line.replace(/mfn (0x[0-9a-f]+)/g, (text, frame: string) => {
      const name = this.machine.nameOf(Number(frame));
      return name.startsWith("raw:") || name === "none" ? text : `${text} (${name})`;
    });
  }

  /** Type, counts and flags of each frame, as text. */
  private frames(): string[] {
    const { frames } = this.machine.xen;
    return Array.from({ length: frames.nrFrames }, (_, mfn) => {
      const flags = frames.typeFlags[mfn]!;
      const pinned = (flags & PGT_pinned) !== 0 ? " pinned" : "";
      const partial = (flags & PGT_partial) !== 0 ? ` partial ${frames.nr_validated_ptes[mfn]}` : "";
      const linear = frames.linear_pt_count[mfn]!;
      const linearText = frames.typeCount[mfn] === 0 || linear === 0 ? "" : ` linear ${linear}`;
      return `${TYPE_NAMES[frames.type[mfn]!]} ${frames.typeCount[mfn]}${pinned}${partial}${linearText}, count ${frames.count[mfn]}`;
    });
  }

  /** "p3: writable 1, count 2 -> l1 1 pinned, count 2". */
  private changes(): string[] {
    const { before } = this;
    this.before = this.frames();
    return this.before.flatMap((now, mfn) =>
      now === before[mfn] ? [] : [`       ${this.machine.nameOf(mfn)}: ${before[mfn]} -> ${now}`],
    );
  }

  private walk(vcpu: number, op: Op, modelled: Result): string[] {
    const { xen, mem } = this.machine;
    const { vector, cr2 } = modelled["fault"] as { vector: number; cr2: string };
    if (vector !== 14) return [];
    const user = "mode" in op && op.mode === "user";
    const root = (user ? xen.vcpus.guest_table_user : xen.vcpus.guest_table)[vcpu]!;
    const vpn = Number(BigInt.asUintN(36, BigInt(cr2) >> 12n)) as Vpn;
    const lines = show_page_walk(mem, this.control, root as never, vpn).map((e) => {
      const pte = `${hex(e.flags >>> 12, 3)}${hex(e.frame, 10)}${hex(e.flags & 0xfff, 3)}`;
      const pfn = e.frame < xen.frames.nrFrames ? hex(xen.frames.m2p[e.frame]!, 16) : "f".repeat(16);
      return `        L${e.level}[0x${hex(e.slot, 3)}] = ${pte} ${pfn}${e.pse ? " (PSE)" : ""}`;
    });
    return [`       Pagetable walk from ${BigInt(cr2).toString(16).padStart(16, "0")}:`, ...lines];
  }
}

function hex(n: number, digits: number): string {
  return n.toString(16).padStart(digits, "0");
}
