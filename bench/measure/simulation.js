// Events a second on redis_bench and make_j2 under shared and two designs, each in a process of its own, and these against
// shared; all others are in designs.js.
//
// The short form, which wants the ratios, runs shared and the other in turn in one process, as designs.js does: V8 compiles once for
// all repetitions, which are behind each other, and a host that changes its speed changes both.
"use strict";

const { side } = require("../harness.js");

const RECORDINGS = { redis_bench: 5e6, make_j2: 2e6 };
/** One of Xen's designs, one of Linux's. */
const OTHERS = ["xpti", "linux-per-mm-vcpu"];

/** V8 compiles the last functions that matter, those of a fork or an mprotect here and there, behind so many runs. */
const WARM_UP = 28;

exports.prepare = (_folder, short, repetitions) => {
  const table = { sides: {}, ratios: {}, values: {} };
  for (const recording of Object.keys(RECORDINGS)) {
    if (short) addInTurn(table, recording, repetitions);
    else addAlone(table, recording);
  }
  return table;
};

function addAlone({ sides, ratios, values }, recording) {
  for (const proposal of ["shared", ...OTHERS]) {
    const key = `${recording}, ${proposal}`;
    sides[key] = () => side("simulate", [recording, proposal, WARM_UP], ["--expose-gc"]);
    values[`events/s, ${key}`] = {
      of: (sample) => sample[key].events / sample[key].cpu,
      bar: proposal === "shared" ? { atLeast: RECORDINGS[recording] } : undefined,
      unit: "events/s",
    };
    if (proposal === "shared") {
      const of = (sample) => sample[key].events / sample[key].first;
      values[`events/s of a first run, while V8 compiles, ${key}`] = { of, unit: "events/s" };
      continue;
    }
    ratios[`speed to shared's, ${key}`] = {
      of: (sample) => sample[`${recording}, shared`].cpu / sample[key].cpu,
      bar: { atLeast: 0.5 },
    };
  }
}

function addInTurn({ sides, ratios, values }, recording, repetitions) {
  for (const proposal of OTHERS) {
    const key = `${recording}, ${proposal}`;
    let timed; // all repetitions at once, and one more, which does not count
    let next = 0;
    sides[key] = () => {
      timed ??= side("designs", [recording, proposal, repetitions + 1], ["--expose-gc"]);
      return { events: timed.events, shared: timed.shared[next], own: timed.own[next++] };
    };
    const rate = (who) => (sample) => sample[key].events / sample[key][who];
    values[`events/s, ${key}`] = { of: rate("own"), unit: "events/s" };
    values[`events/s, ${recording}, shared in turn with ${proposal}`] = {
      of: rate("shared"),
      unit: "events/s",
    };
    ratios[`speed to shared's, ${key}`] = {
      of: (sample) => sample[key].shared / sample[key].own,
      bar: { atLeast: 0.5 },
    };
  }
}
