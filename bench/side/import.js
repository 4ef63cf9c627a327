// import NAME: imports a bundled recording twice; prints {cpu, wall} of the second time, seconds.
"use strict";

const { cpuSince } = require("../harness.js");
const { recorded } = require("./machines.js");

(async () => {
  await recorded(process.argv[2]);
  const [began, beganCpu] = [performance.now(), process.cpuUsage()];
  await recorded(process.argv[2]);
  console.log(JSON.stringify({ wall: (performance.now() - began) / 1000, cpu: cpuSince(beganCpu) }));
})();
