// Memory of a machine with 1,000 processes of 100 threads, against the bytes of the tables that it models.
"use strict";

const { side } = require("../harness.js");

exports.prepare = () => {
  let measured; // once a run: bytes do not change from one to the next
  const sides = { machine: () => (measured ??= side("many-threads", ["linux-per-thread-eager", 1000, 100])) };
  return {
    sides,
    values: {
      "MB of tables, 1,000 processes x 100 threads": { of: (s) => s.machine.tableBytes / 1e6, unit: "MB" },
    },
    ratios: {
      "memory to the bytes of these tables": {
        of: (s) => s.machine.residentBytes / s.machine.tableBytes,
        bar: { atMost: 1.5 },
      },
    },
  };
};
