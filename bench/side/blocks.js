// How much code runs, exactly: what tells an algorithm that grows from caches that no longer hold what it touches.
"use strict";

const { Session } = require("node:inspector");

/**
 * Start counting, before any module of dist/ is loaded: code that V8 has compiled already has no counters. Answers a function:
 * how often a block of code of dist/ is entered in `run`. It is the same in each run, on any machine; what V8 does in
 * functions of its own (a copy, a fill) is one call, however long.
 */
function blockCounter() {
  const session = new Session();
  session.connect();
  const post = (method, params) => {
    let answer;
    session.post(method, params, (error, result) => {
      if (error) throw new Error(`blocks: ${method}: ${error.message}`);
      answer = result;
    });
    return answer;
  };
  const since = () =>
    post("Profiler.takePreciseCoverage")
      .result.filter(({ url }) => url.includes("/dist/"))
      .flatMap(({ functions }) => functions.flatMap(({ ranges }) => ranges))
      .reduce((sum, { count }) => sum + count, 0);
  post("Profiler.enable");
  post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
  return (run) => {
    since();
    run();
    return since();
  };
}

module.exports = { blockCounter };
