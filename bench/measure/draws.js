// Pricing alone: 10 proposals on 5 recordings at 10,000 draws of the prices, each with what it costs against the baseline and
// against each other proposal. Nothing is simulated: coefficients are made up, of the size that a recording's are.
"use strict";

const { side } = require("../harness.js");

exports.prepare = () => ({
  sides: { draws: () => side("draws", [10, 5]) },
  values: {
    "10,000 draws of 10 proposals on 5 recordings": {
      of: ({ draws }) => draws.cpu,
      bar: { atMost: 2 },
      unit: "s",
    },
    "differences that were priced": { of: ({ draws }) => draws.comparisons },
  },
});
