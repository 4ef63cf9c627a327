// Hypercalls of recorded scripts on the Xen twin: `pvtwin replay`, which times them alone.
"use strict";

const { join } = require("node:path");
const { ROOT } = require("../../scripts/run.js");
const { side } = require("../harness.js");

exports.prepare = () => {
  const files = ["directed", "random-sample"].map((name) =>
    join(ROOT, "test", "data", "xen-4.17", `${name}.jsonl`),
  );
  return {
    sides: { replay: () => side("replay", files) },
    values: {
      "recorded hypercalls/s": {
        of: ({ replay }) => replay.hypercalls / replay.cpu,
        bar: { atLeast: 300_000 },
        unit: "hypercalls/s",
      },
    },
  };
};
