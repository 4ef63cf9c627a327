// Imports a recording from standard input, keeping no event; prints {events, maxRssBytes, cpu}, cpu in seconds.
"use strict";

const { cpuSince } = require("../harness.js");
const { importTrace } = require("../../dist/experiments/import/import-trace.js");

(async () => {
  const { events } = await importTrace("/dev/stdin", { strict: false }, (chunk) => {
    chunk.n = 0;
    return chunk;
  });
  const maxRssBytes = process.resourceUsage().maxRSS * 1024;
  console.log(JSON.stringify({ events, maxRssBytes, cpu: cpuSince() }));
})();
