import { driveDesigns } from "./drive-designs.js";

describe("5,000 generated workloads of fork, threads, exec, migration, idle, slots, kernel threads, hotplug", () => {
  driveDesigns(5000, 30);
});
