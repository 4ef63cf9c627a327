/**
 * The machine that the scripts start from: one PV guest, 64-bit or 32-bit, with a pool of pages and its own tables.
 *
 * Frames: 0..0xff no RAM, 0x100..0x11f Xen's, from 0x120 the guest's: base tables, three kernel L1 tables, some
 * kernel RAM, the shared info page, then the pool. Values of frames that a script gives as numbers stay as they are,
 * as none of them is one of the guest's here.
 */
import { EV } from "../../abi/events.js";
import { linear_page, type Vpn } from "../../abi/frames.js";
import { CallBuffer } from "../../abi/hypercalls.js";
import { Ledger } from "../../abi/ledger.js";
import { PtMemory } from "../../abi/memory.js";
import {
  add_mmuext_op,
  MMUEXT_PIN_L3_TABLE,
  MMUEXT_PIN_L4_TABLE,
  push_mmuext_op,
} from "../../abi/mmuext-op.js";
import { State } from "../../abi/state.js";
import { OWNER_none, PGT_validated, PGT_writable_page } from "../../xen-model/frame-table.js";
import type { MemoryMap } from "../../xen-model/memory-map.js";
import { refusedLine, type Refusal } from "../../xen-model/refusals.js";
import { Xen } from "../../xen-model/xen.js";
import type { XenConfig } from "../../xen-model/xen-config.js";

const FIRST_XEN = 0x100;
const FIRST_GUEST = 0x120;
const BASE_L4 = FIRST_GUEST;
const KERNEL_L1 = FIRST_GUEST + 4;
const KERNEL = FIRST_GUEST + 8;
const SHARED_INFO = FIRST_GUEST + 9;
const FREE = FIRST_GUEST + 10;
const KERNEL_L2 = FIRST_GUEST + 11;
const BASE1_L4 = FIRST_GUEST + 14;
const POOL = FIRST_GUEST + 16;

/** Flags of the guest's own entries: P, RW, US, A, D. */
const TABLE = 0x67;
const READ_ONLY = 0x65;

/** Page of the first home address: 0xffffffff80400000 >> 12, in 36 bits; and of a 32-bit guest's. */
const HOME = (0xfff80400 + 0xf * 2 ** 32) as Vpn;
const HOME_PV32 = 0xc0400 as Vpn;

/** A multicall of the most calls, each of the most requests (script.ts). */
const CAPACITY = { calls: 64, mmuUpdates: 64 * 512, mmuextOps: 64 * 256 };

/** Device frames of the recorded machine (classes of raw frames; a later range wins). */
const RECORDED_MAP: MemoryMap = {
  devices: true,
  io: [
    { first: 0x0, last: 0xff, class: "mmio" },
    { first: 0xa0, last: 0xbf, class: "mmio" },
    { first: 0xb0000, last: 0xfffff, class: "mmio" },
    { first: 0x100000, last: 0xfffffff - 1, class: "mmio" },
    { first: 0xb0000, last: 0xbffff, class: "mmio-ro" },
    { first: 0xfec00, last: 0xfec00, class: "mmio-ro" },
    { first: 0xfed00, last: 0xfed00, class: "mmio-ro" },
    { first: 0xfee00, last: 0xfee00, class: "denied" },
  ],
};

/** An entry, as its two words hold it. */
export interface Entry {
  readonly frame: number;
  readonly flags: number;
}

export interface Fault {
  readonly vector: number;
  readonly error: number;
}

export class GuestMachine {
  readonly xen: Xen;
  readonly mem: PtMemory;
  /** What the guest's kernel calls with, on each vCPU. */
  readonly calls: readonly CallBuffer[];
  readonly ledger: Ledger;
  /** The last fault that Xen gave the guest. */
  fault: Fault | undefined;
  private readonly state: State;
  private readonly bytes: Uint8Array;
  private readonly image: Uint8Array;
  private readonly entries = new Map<string, Entry>();

  constructor(
    readonly pages: number,
    options: Partial<XenConfig> = {},
    /** Under an exclusive audit, has the guest brought vCPU 1 up, on an L4 of its own, base1_l4? */
    private readonly hasOwnL4s = false,
  ) {
    const nrFrames = POOL + pages;
    const size = 4 << 20;
    this.state = new State(size + nrFrames * 4096);
    const geometry = {
      nrFrames,
      nrTables: nrFrames,
      ptes: 512,
      nrXenFrames: FIRST_GUEST,
      firstXenFrame: FIRST_XEN,
    };
    this.ledger = new Ledger(this.state, options.nrVcpus ?? 2);
    this.mem = new PtMemory(this.state, geometry);
    this.xen = new Xen(this.state, this.mem, this.ledger, {
      geometry,
      nrPcpus: options.nrVcpus ?? 2,
      nrVcpus: 2,
      root: "shared",
      exclusive: "off",
      flush: "domain",
      pcid: false,
      invpcid: true,
      version: "4.17",
      map: RECORDED_MAP,
      ...options,
    });
    const buffers = new State(8 << 20);
    this.calls = [new CallBuffer(buffers, CAPACITY), new CallBuffer(buffers, CAPACITY)];
    this.xen.attach({
      page_fault: (vcpu, _page, error) => {
        this.fault = { vector: 14, error };
        this.xen.iret(vcpu, (error & 4) !== 0);
      },
      event: () => undefined,
    });
    this.boot();
    this.bytes = new Uint8Array(this.state.buffer);
    this.image = this.bytes.slice(0, this.state.usedBytes);
  }

  /** Back to the state that each script starts from. */
  reset(): void {
    const { image, mem, bytes } = this;
    const from = mem.words.byteOffset; // the tables of frames without RAM are never written to
    bytes.set(image.subarray(0, from), 0);
    const ram = from + mem.at(FIRST_XEN, 0) * 4;
    bytes.set(image.subarray(ram), ram);
    this.fault = undefined;
    for (const calls of this.calls) calls.reset();
  }

  private boot(): void {
    const { xen, mem } = this;
    xen.init();
    const { frames } = xen;
    frames.owner.fill(OWNER_none, 0, FIRST_XEN);
    const [l4, l3, l2, l1] = [BASE_L4, BASE_L4 + 1, BASE_L4 + 2, BASE_L4 + 3];
    if (xen.pv32) {
      for (let i = 0; i < 3; i++) mem.set(l3, i, KERNEL_L2 + i, TABLE);
      mem.set(l3, 3, l2, TABLE);
    } else {
      mem.set(l4, 511, l3, TABLE);
      if (this.hasOwnL4s) {
        mem.set(BASE1_L4, 511, l3, TABLE);
        mem.set(KERNEL_L1, 15, BASE1_L4, READ_ONLY);
      }
      mem.set(l3, 510, l2, TABLE);
    }
    mem.set(l2, 2, l1, TABLE);
    [0, 1, 3].forEach((slot, i) => mem.set(l2, slot, KERNEL_L1 + i, TABLE));
    mem.set(KERNEL_L1, 0, KERNEL, TABLE);
    for (let i = 0; i < 7; i++) mem.set(KERNEL_L1, 8 + i, BASE_L4 + i, READ_ONLY);
    mem.set(KERNEL_L1, 16, SHARED_INFO, TABLE);
    for (let i = 0; i < this.pages; i++) {
      mem.set(l1, i, POOL + i, TABLE);
      frames.m2p[POOL + i] = POOL + i;
    }
    // the shared info page belongs to Xen's heap, shared writable
    frames.special[SHARED_INFO] = 1;
    frames.type[SHARED_INFO] = PGT_writable_page;
    frames.typeFlags[SHARED_INFO] = PGT_validated;
    frames.typeCount[SHARED_INFO] = 1;
    frames.count[SHARED_INFO] = 2;
    this.load(xen.pv32 ? l3 : l4);
    this.ledger.clear();
  }

  /** A copy of all that changes. */
  snapshot(): Uint8Array {
    return this.bytes.slice(0, this.state.usedBytes);
  }

  /** Load the top table on both vCPUs, or where that is not allowed, another on vCPU 1 or none; and pin them. */
  private load(top: number): void {
    const { xen } = this;
    const calls = this.calls[0]!;
    const tops = xen.exclusive !== "enforce" ? [top, top] : this.hasOwnL4s ? [top, BASE1_L4] : [top];
    for (const [vcpu, l4] of tops.entries()) {
      const rc = xen.vcpu_initialise(vcpu, l4);
      if (rc !== 0)
        throw new RangeError(`GuestMachine: the base tables are refused (${rc}); it is a bug of the model`);
    }
    push_mmuext_op(calls);
    for (const l4 of new Set(tops))
      add_mmuext_op(calls, xen.pv32 ? MMUEXT_PIN_L3_TABLE : MMUEXT_PIN_L4_TABLE, l4);
    xen.hypercall(0, calls, 0);
    calls.reset();
  }

  /** Frame of a name in a script. */
  frameOf(name: string): number {
    if (/^p\d+$/.test(name)) return POOL + Number(name.slice(1));
    if (name.startsWith("raw:")) return Number(name.slice(4));
    if (name.startsWith("xen:")) return this.mem.frame(BASE_L4, Number(name.slice(4)));
    switch (name) {
      case "base_l4":
        return BASE_L4;
      case "base_l3":
        return BASE_L4 + 1;
      case "base_l2":
        return BASE_L4 + 2;
      case "base_l1":
        return BASE_L4 + 3;
      case "base1_l4":
        return BASE1_L4;
      case "shared_info":
        return SHARED_INFO;
      case "free":
        return FREE;
      case "kernel":
        return KERNEL;
      default:
        return 0;
    }
  }

  /** An entry of a script, "p3|0x67". Scripts repeat theirs. */
  entryOf(text: string): Entry {
    const known = this.entries.get(text);
    if (known !== undefined) return known;
    const bar = text.indexOf("|");
    const flags = BigInt(text.slice(bar + 1));
    const entry = {
      frame: this.frameOf(text.slice(0, bar)),
      flags: Number(flags & 0xfffn) | Number((flags >> 52n) << 12n),
    };
    this.entries.set(text, entry);
    return entry;
  }

  /** Name of a frame in results. */
  nameOf(frame: number): string {
    if (frame === 0) return "none";
    if (frame >= POOL && frame < POOL + this.pages) return `p${frame - POOL}`;
    if (frame >= BASE_L4 && frame < BASE_L4 + 4) return `base_l${4 - (frame - BASE_L4)}`;
    if (frame === BASE1_L4 && this.hasOwnL4s) return "base1_l4";
    if (frame === SHARED_INFO) return "shared_info";
    if (frame === FREE) return "free";
    if (frame >= FIRST_GUEST && frame < this.mem.nrFrames) return "kernel";
    if (this.xen.pv32 && frame >= FIRST_XEN && frame < FIRST_GUEST) return "xen";
    for (let slot = 256; slot < 272; slot++) {
      if (slot !== 258 && frame >= FIRST_XEN && this.mem.frame(BASE_L4, slot) === frame) return `xen:${slot}`;
    }
    return `raw:0x${frame.toString(16)}`;
  }

  /** What Xen's console says of a refusal of `current`'s request, with the script's name of the L4. */
  consoleLine(refusal: Refusal, current: number): string {
    return refusedLine(refusal, 0, current, this.nameOf(refusal.mfn));
  }

  /** Page of the home address of pool page `index`, as the walker takes it (36 bits) and as a hypercall does (52). */
  home36(index: number): Vpn {
    return ((this.xen.pv32 ? HOME_PV32 : HOME) + index) as Vpn;
  }

  home52(index: number): number {
    return linear_page(this.home36(index));
  }

  /** Address of entry `slot` of the frame that `page` maps. */
  address(page: Vpn, slot: number): bigint {
    return (BigInt(linear_page(page)) << 12n) + BigInt(slot * 8);
  }

  /** Is the frame one whose contents the scripts know: the pool and the base tables? */
  isKnown(frame: number): boolean {
    return (frame >= POOL && frame < POOL + this.pages) || (frame >= BASE_L4 && frame < BASE_L4 + 4);
  }
}

export { EV };
