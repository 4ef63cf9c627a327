/**
 * What a hypercall of many requests carries from step to step: do_mmu_update(), do_mmuext_op().
 *
 * Shape: nrVcpus rows.
 *   row      Uint8Array   the call's row in its buffer
 *   first    Uint16Array  where its requests begin
 *   count    Uint16Array  ... and how many there are
 *   done     Int32Array   how many were done in earlier entries
 *   resumed  Uint8Array   1: an earlier entry was preempted
 *   i        Uint16Array  done in this entry
 *   part     Uint8Array   steps of request i that are done
 *   rc       Int32Array   the result
 *   pcpus    Uint32Array  whom the requests so far have to flush: a bitmap of `words` a row,
 *   roots    Uint8Array   ... and whose roots are stale (ROOT_*)
 *   mapped   Uint32Array  without a directmap, the table that is mapped for them, plus one; 0 for none,
 *   mapped_at  Int32Array  ... and where
 *
 * The buffer itself is the guest's memory, and no part of Xen's state.
 */
import { cpumask_clear, cpumask_words } from "../abi/cpumask.js";
import type { Rc } from "../abi/errno.js";
import type { CallBuffer } from "../abi/hypercalls.js";
import type { State } from "../abi/state.js";

export class RequestRegisters {
  readonly calls: CallBuffer[] = [];
  readonly row: Uint8Array;
  readonly first: Uint16Array;
  readonly count: Uint16Array;
  readonly done: Int32Array;
  readonly resumed: Uint8Array;
  readonly i: Uint16Array;
  readonly part: Uint8Array;
  readonly rc: Int32Array;
  readonly pcpus: Uint32Array;
  readonly words: number;
  readonly roots: Uint8Array;
  readonly mapped: Uint32Array;
  readonly mapped_at: Int32Array;

  constructor(state: State, nrVcpus: number, nrPcpus: number) {
    this.words = cpumask_words(nrPcpus);
    this.row = state.u8(nrVcpus);
    this.first = state.u16(nrVcpus);
    this.count = state.u16(nrVcpus);
    this.done = state.i32(nrVcpus);
    this.resumed = state.u8(nrVcpus);
    this.i = state.u16(nrVcpus);
    this.part = state.u8(nrVcpus);
    this.rc = state.i32(nrVcpus);
    this.pcpus = state.u32(nrVcpus * this.words);
    this.roots = state.u8(nrVcpus);
    this.mapped = state.u32(nrVcpus);
    this.mapped_at = state.i32(nrVcpus);
  }

  /** The call is over, and nothing of it stays. Returns its result. */
  end(vcpu: number): Rc {
    const rc = this.rc[vcpu]!;
    this.row[vcpu] = 0;
    this.first[vcpu] = 0;
    this.count[vcpu] = 0;
    this.done[vcpu] = 0;
    this.resumed[vcpu] = 0;
    this.i[vcpu] = 0;
    this.part[vcpu] = 0;
    this.rc[vcpu] = 0;
    this.forget_pcpus(vcpu);
    this.roots[vcpu] = 0;
    return rc;
  }

  /** Nobody is to be flushed. */
  forget_pcpus(vcpu: number): void {
    cpumask_clear(this.pcpus, vcpu * this.words, this.words);
  }
}
