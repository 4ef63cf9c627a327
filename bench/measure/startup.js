// pvtwin --help against a Node that does nothing.
"use strict";

const { join } = require("node:path");
const { ROOT } = require("../../scripts/run.js");
const { timesOf } = require("../harness.js");

exports.prepare = () => ({
  sides: {
    node: () => timesOf(`'${process.execPath}' -e 0`),
    help: () => timesOf(`'${process.execPath}' '${join(ROOT, "bin", "pvtwin.js")}' --help`),
  },
  ratios: {
    "time of --help to node -e 0's": { of: ({ node, help }) => help.cpu / node.cpu, bar: { atMost: 2.5 } },
  },
});
