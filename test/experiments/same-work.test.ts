import { expect } from "chai";
import type { EventCounts } from "../../abi/ledger.js";
import { defineProposal } from "../../abi/proposal.js";
import { loadProposal, loadProposals } from "../../experiments/evaluate.js";
import type { SameWorkRow } from "../../experiments/results.js";
import {
  answerOf,
  optionOf,
  SAME_WORK_PROPOSALS,
  sameWork,
  sameWorkRow,
} from "../../experiments/same-work.js";

const BASE: EventCounts = { tlb_flush: 100, ipi_sent: 10, promote_l4: 4, l4e_set: 6, toggle_guest_mode: 900 };

/** A ledger of Linux's side: beyond the baseline, what `more` says. */
const linuxRow = (more: EventCounts, name = "in-linux"): SameWorkRow =>
  sameWorkRow(name, 1, { ...BASE, ...more }, BASE, 5);
const xenRow = (more: EventCounts, name = "in-xen"): SameWorkRow =>
  sameWorkRow(name, 2, { ...BASE, ...more }, BASE, 5);

describe("whether it is the same work in Linux and in Xen", () => {
  it("counts copies of Xen's, and faults, loads, pairs and replica writes of Linux's, beyond the baseline", () => {
    expect(xenRow({ l4_copy: 40, l4_slots_copied: 40 * 497 })).to.include({
      syncOperations: 40,
      entriesWritten: 40 * 497,
      flushes: 0,
      ipis: 0,
      tablesAudited: 0,
    });
    const counts = { top_sync_fault: 3, top_slots_compared: 512, top_pair_alloc: 1, top_fanout_set: 5 };
    expect(linuxRow({ ...counts, l4e_set: 22, tlb_flush: 107, ipi_sent: 12, promote_l4: 6 })).to.include({
      syncOperations: 3 + 2 + 1 + 5,
      entriesWritten: 16 + 768,
      entriesCompared: 512,
      tablesAudited: 2,
      flushes: 7,
      ipis: 2,
    });
  });

  it("is, where a design of Linux's does as much by every measure", () => {
    const xen = xenRow({ l4_copy: 10, l4_slots_copied: 1000, tlb_flush: 110, ipi_sent: 20 });
    const linux = linuxRow({ top_sync_fault: 11, l4e_set: 1016, tlb_flush: 111, ipi_sent: 21 });
    const { same, answer } = answerOf("w", [linux, xen]);
    expect(same, answer).to.equal(true);
    expect(answer).to.match(/^the same work: in-linux and in-xen do as much of each\./);
    expect(answer).to.not.match(/alone|times as much/);
  });

  it("is not, and says by how much, as soon as one measure differs", () => {
    const xen = xenRow({ l4_copy: 10, l4_slots_copied: 1000, tlb_flush: 110, ipi_sent: 20 });
    const linux = linuxRow({ top_sync_fault: 11, l4e_set: 106, tlb_flush: 111, ipi_sent: 21 });
    const { same, answer } = answerOf("w", [linux, xen]);
    expect(same).to.equal(false);
    expect(answer).to.match(/^not the same work: by 3 of 4 measures at most \(in-linux\)\./);
    expect(answer).to.include(
      "Entries written for it: 100 (in-linux) in Linux, 1,000 in Xen (in-xen); Xen does 10 times as much.",
    );
  });

  it("turns its words when the numbers are swapped", () => {
    const small = { top_sync_fault: 2, l4e_set: 8, tlb_flush: 101, ipi_sent: 11 };
    const much = { top_sync_fault: 400, l4e_set: 4006, tlb_flush: 500, ipi_sent: 410 };
    const xen = xenRow({ l4_copy: 20, l4_slots_copied: 200, tlb_flush: 120, ipi_sent: 30 });
    expect(answerOf("w", [linuxRow(small), xen]).answer).to.include("Xen does 10 times as much");
    expect(answerOf("w", [linuxRow(much), xen]).answer).to.include("Linux does 20 times as much");
    const both = answerOf("w", [linuxRow(small, "a"), linuxRow(much, "b"), xen]).answer;
    expect(both).to.include("2 (a) to 400 (b) in Linux, 20 in Xen (in-xen); it depends on the design");
  });

  it("names the side that alone flushes and interrupts", () => {
    const xen = xenRow({ l4_copy: 20, l4_slots_copied: 200 });
    const { answer } = answerOf("w", [linuxRow({ top_sync_fault: 1, tlb_flush: 107 }), xen]);
    expect(answer).to.match(
      /Full TLB flushes [^.]*: 7 \(in-linux\) in Linux, 0 in Xen \(in-xen\); Linux's alone\./,
    );
    expect(answer).to.match(/Interrupts [^.]*: 0 \(in-linux\) in Linux, 0 in Xen \(in-xen\); the same\./);
  });

  it("holds the copies that are not of a mode switch against Linux's nearest design", () => {
    const rows = [
      linuxRow({ top_sync_fault: 3 }, "far"),
      linuxRow({ top_slots_compared: 256 * 101 }, "near"),
      xenRow({ l4_copy: 1000, l4_slots_copied: 497_000 }),
    ];
    expect(answerOf("w", rows).answer).to.include(
      "90 % go with switches between user and kernel mode, at which Linux changes nothing; the other 100 are as many as near's 101.",
    );
  });

  it("is one answer over all recordings, or names those on which it holds", () => {
    const of = (workload: string, same: boolean) => ({ workload, same, rows: [], answer: "" });
    expect(sameWork([of("a", true), of("b", true)]).answer).to.equal(
      "It is the same work, on every recording.",
    );
    expect(sameWork([of("a", false)]).answer).to.equal("It is not the same work, on any recording.");
    expect(sameWork([of("a", false), of("b", true), of("c", false)]).answer).to.equal(
      "It is the same work on b, and not on the other 2.",
    );
  });
});

describe("the sides of the question", () => {
  it("are Linux's designs and Xen's roots; neither a shim nor a control is a side", () => {
    const options = loadProposals([]).map((p) => [p.name, optionOf(p)] as const);
    expect(options.filter(([, option]) => option === 1).map(([name]) => name)).to.include.members([
      "linux-per-thread",
      "linux-per-thread-unlazy",
      "linux-per-mm-vcpu",
      "linux-per-vcpu",
    ]);
    expect(options.filter(([, option]) => option === 2).map(([name]) => name)).to.deep.equal([
      "xpti-copy-always",
      "xpti",
      "xen-vcpu-root",
    ]);
    expect(
      options.filter(([name]) => /^(shared|shim|control-)/.test(name)).every(([, o]) => o === 0),
    ).to.equal(true);
  });

  it("both have somebody in the comparison that comes without asking", () => {
    const options = SAME_WORK_PROPOSALS.map((name) => optionOf(loadProposal(name)));
    expect(options).to.include.members([1, 2]).and.to.not.include(0);
  });

  it("take a proposal of a user's by what it names", () => {
    const mine = defineProposal({
      name: "m",
      title: "t",
      question: "q",
      linux: { top: "per-vcpu" },
      xen: { root: "xpti" },
    });
    expect(optionOf(mine)).to.equal(1);
  });
});
