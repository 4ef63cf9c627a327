/** How nine designs' costs might grow: the last one as the cube, on all sizes that a guest can have. */
import type { Growth } from "../../experiments/sweep/growth.js";

export function growthFixture(): Growth[] {
  return Array.from({ length: 9 }, (_, i): Growth => {
    const exponent = i === 8 ? 3 : 1 + i / 8;
    const points = [1, 4, 16, 64, 256, 1024].map((x) => ({ x, likely: 1e6 * (1 + i) * x ** exponent }));
    return {
      workload: "synthetic",
      proposal: i === 0 ? "shared" : `linux-per-something-${i}`,
      profile: "skylake-pcid",
      over: "vcpus",
      unit: "cycles",
      points,
      exponent,
      most: { event: "ipi_sent", share: 0.5, exponent },
    };
  });
}
