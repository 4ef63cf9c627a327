/**
 * One exploration in a process of its own, told by a JSON argument; prints its outcome and its CPU time as JSON.
 */
import { explore, type StrategyOptions } from "../checker/explore.js";
import type { ModelSource } from "../checker/model.js";

async function run(source: ModelSource, options: StrategyOptions): Promise<void> {
  const before = process.cpuUsage();
  const outcome = await explore(source, options);
  const { user, system } = process.cpuUsage(before);
  const peak = process.resourceUsage().maxRSS * 1024;
  process.stdout.write(JSON.stringify({ ...outcome, cpuSeconds: (user + system) / 1e6, peak }));
}

const [source, options] = JSON.parse(process.argv[2]!) as [ModelSource, StrategyOptions];
void run(source, options);
