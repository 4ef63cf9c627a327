// Imports a recording from standard input, keeping no event; prints {events, maxRssBytes}.
"use strict";

const { importTrace } = require("../../dist/experiments/import/import-trace.js");

(async () => {
  const { events } = await importTrace("/dev/stdin", { strict: false }, (chunk) => {
    chunk.n = 0;
    return chunk;
  });
  console.log(JSON.stringify({ events, maxRssBytes: process.resourceUsage().maxRSS * 1024 }));
})();
