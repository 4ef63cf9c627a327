/** What holds of every script: in the short run of each test, and in the long one (scripts.long.ts). */
import { expect } from "chai";
import fc from "fast-check";
import type { Op } from "../../experiments/replay/script.js";
import type { Result } from "../../experiments/replay/replay-script.js";
import { is_page_table } from "../../xen-model/page-type.js";
import { filled, PAGES, script, type Turn, turns } from "./arbitrary-scripts.js";
import type { XenConfig } from "../../xen-model/xen-config.js";
import { TestGuest } from "./test-guest.js";

const guests = new Map<string, TestGuest>();

/** A page that scripts leave alone: the first L4 of vCPU 1, where it needs one of its own. */
const OWN_L4 = `p${PAGES}`;

/** A guest as after boot, and both vCPUs started; built once for each kind. */
function guestOf(options: Partial<XenConfig>): TestGuest {
  const key = JSON.stringify(options);
  const guest = guests.get(key) ?? new TestGuest(options, PAGES + 1);
  guests.set(key, guest);
  guest.reset();
  if (options.exclusive === "enforce") {
    guest.do({ op: "write", page: OWN_L4, index: 511, entry: "base_l3|0x67" });
    guest.home("ro", OWN_L4);
    expect(guest.xen.vcpu_initialise(1, guest.frame(OWN_L4))).to.equal(0);
  }
  return guest;
}

function run(guest: TestGuest, ops: readonly Op[]): Result[] {
  return ops.map((op) => guest.do(op));
}

/**
 * What a preemption must not change: memory, counts, uses, what is loaded. Where a frame has no uses, its last type, and
 * how far an audit got, are nobody's business.
 */
function stateOf(guest: TestGuest): unknown {
  const { frames, vcpus, mem } = guest.xen;
  const used: unknown[] = [];
  for (let mfn = 0; mfn < frames.nrFrames; mfn++) {
    const uses = frames.typeCount[mfn]!;
    if (uses === 0 && frames.count[mfn] === 1) continue;
    const table = uses !== 0 && is_page_table(frames.type[mfn]!);
    used.push([
      mfn,
      frames.count[mfn],
      uses,
      uses === 0 ? -1 : frames.type[mfn],
      uses === 0 ? -1 : frames.typeFlags[mfn],
      table ? frames.linear_pt_count[mfn] : 0,
    ]);
  }
  const words = Buffer.from(mem.words.buffer, mem.words.byteOffset, mem.words.byteLength).toString("latin1");
  return [used, [...vcpus.guest_table], [...vcpus.guest_table_user], [...frames.m2p], words];
}

const tlb = { sets: 16, ways: 2 };

/** No script breaks an invariant, and how often Xen is preempted shows neither in results nor in the state. */
export function preemptionDoesNotShow(numRuns: number, options: Partial<XenConfig>): void {
  fc.assert(
    fc.property(script, fc.integer({ min: 1, max: 6 }), (ops, preempt) => {
      const [through, stopped] = [guestOf(options), guestOf({ ...options, preempt })];
      const results = run(through, ops);
      expect(through.broken()).to.deep.equal([]);
      expect(run(stopped, ops)).to.deep.equal(results);
      expect(stopped.broken()).to.deep.equal([]);
      expect(stateOf(stopped)).to.deep.equal(stateOf(through));
    }),
    { numRuns },
  );
}

/** ... nor does a TLB, as far as Xen's own flushes promise. */
export function invariantsHoldThroughTlb(numRuns: number, options: Partial<XenConfig> = {}): void {
  fc.assert(
    fc.property(script, fc.integer({ min: 0, max: 4 }), (ops, preempt) => {
      const guest = guestOf({ ...options, preempt, tlb });
      run(guest, ops);
      expect(guest.broken()).to.deep.equal([]);
    }),
    { numRuns },
  );
}

/** Two vCPUs whose calls are preempted take turns: invariants hold at each of them, and when both have ended. */
export function turnsKeepInvariants(numRuns: number, options: Partial<XenConfig>): void {
  fc.assert(
    fc.property(filled, turns, fc.integer({ min: 1, max: 3 }), (ops, order, preempt) => {
      const guest = guestOf({ ...options, preempt });
      run(guest, ops);
      takeTurns(guest, order);
      expect(guest.broken()).to.deep.equal([]);
    }),
    { numRuns },
  );
}

function takeTurns(guest: TestGuest, order: readonly Turn[]): void {
  const inside = [false, false];
  for (const { vcpu, call } of order) {
    inside[vcpu] = inside[vcpu] ? guest.resume(vcpu) === undefined : guest.begin(vcpu, call);
    expect(guest.broken()).to.deep.equal([]);
  }
  for (const vcpu of [0, 1]) if (inside[vcpu]) guest.finish(vcpu);
}
