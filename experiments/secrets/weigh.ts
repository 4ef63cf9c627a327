/**
 * Exposure weighted by the time of a recording: byte-seconds, pCPU by pCPU and mode by mode.
 *
 * The recorded guest is the host's first domain, a 64-bit PV guest, with a vCPU for each recorded CPU. How long it was in user
 * mode, in its kernel and idle is what the recording shows; how long Xen ran on its behalf, no recording shows: it is the
 * cycles of what Xen did for it, as a cost profile prices them, taken from the kernel's time first.
 *
 * Differs: between two events a vCPU stays in the mode of the first, so user time is what lies between a return and the
 *          next entry that was recorded. An idle vCPU's pCPU is taken to be on the idle tables; in Xen it stays
 *          on the guest's until something else runs there (lazy context switch), where it is exposed as in mode "xen".
 */
import { CAUSE } from "../../abi/ledger.js";
import type { Proposal } from "../../abi/proposal.js";
import { defaultGeometry } from "../../machine/geometry.js";
import { Machine } from "../../machine/machine.js";
import { census, CLASSES, type FrameClass } from "../../xen-model/layout/census.js";
import { type Mode, MODES } from "../../xen-model/layout/host.js";
import { priceLedger } from "../costs/price.js";
import type { Profile } from "../costs/profile.js";
import type { EventChunk } from "../import/event.js";
import { readRecording } from "../import/recording.js";
import { workloadName } from "../run/run-workload.js";
import { TraceRunner } from "../run/trace-runner.js";
import { hostOf } from "./host-spec.js";
import type { SecretsOptions } from "./secrets.js";

export interface Weighed {
  readonly workload: string;
  readonly seconds: number;
  /** Clock by which cycles in Xen are seconds. */
  readonly ghz: number;
  /** Of all pCPUs of the recorded guest together. */
  readonly modeSeconds: Readonly<Record<Mode, number>>;
  readonly byteSeconds: Readonly<Record<FrameClass, number>>;
}

/** Nominal clock of the profile's processor; a Skylake-class server. */
export const DEFAULT_GHZ = 2.5;

/** Weigh the exposure under `proposal` by a recording. Errors: BadInput where it cannot be used. */
export async function weigh(
  file: string,
  proposal: Proposal,
  profile: Profile,
  options: SecretsOptions,
  ghz = DEFAULT_GHZ,
): Promise<Weighed> {
  const recording = await readRecording(file, { strict: false });
  const nrCpus = Math.max(2, recording.cpus);
  const geometry = defaultGeometry(nrCpus);
  const machine = new Machine({ proposal, geometry, ...profile.machine, audit: "observe" }).boot();
  const clock = new ModeClock(machine);
  const runner = new TraceRunner(machine, clock);
  for (const chunk of recording.chunks) runner.consume(chunk);

  const pcpus = Math.max(options.host.pcpus, nrCpus);
  const host = hostOf(proposal, { ...options.host, pcpus, firstVcpus: nrCpus });
  const cpus = Array.from({ length: nrCpus }, (_, cpu) => cpu);
  const exposed = census(host, options.speculation, cpus);
  const modeSeconds = { "guest-user": 0, "guest-kernel": 0, xen: 0, idle: 0 };
  const byteSeconds = Object.fromEntries(CLASSES.map((name) => [name, 0])) as Record<FrameClass, number>;
  for (const { pcpu, mode, classes } of exposed) {
    const { cycles } = priceLedger(profile, machine.ledger.collect(pcpu, CAUSE.boot), {});
    const seconds = clock.seconds(pcpu, cycles.likely / (ghz * 1e9))[mode];
    modeSeconds[mode] += seconds;
    for (const name of CLASSES) byteSeconds[name] += seconds * classes[name];
  }
  return { workload: workloadName(file), seconds: recording.seconds, ghz, modeSeconds, byteSeconds };
}

/** How long each pCPU was in which mode, as the twin's vCPUs go through a recording. Units: nanoseconds. */
export class ModeClock {
  private readonly spent: Float64Array;
  private readonly mode: Uint8Array;
  private last = NaN;

  constructor(private readonly machine: Machine) {
    const { nrCpus } = machine.config.geometry;
    this.spent = new Float64Array(nrCpus * MODES.length);
    this.mode = new Uint8Array(nrCpus).fill(MODES.indexOf("idle"));
  }

  /** Event `i` of `chunk` has been run: until then, each vCPU was in the mode of the event before. */
  after(chunk: EventChunk, i: number): void {
    const now = chunk.time[i]!;
    const passed = now - this.last;
    for (let cpu = 0; cpu < this.mode.length; cpu++) {
      if (passed > 0) this.spent[cpu * MODES.length + this.mode[cpu]!]! += passed;
      this.mode[cpu] = MODES.indexOf(this.modeOf(cpu));
    }
    if (!(this.last > now)) this.last = now;
  }

  /** Seconds of `cpu` by mode, of which Xen has had `inXen` of the guest's. */
  seconds(cpu: number, inXen: number): Record<Mode, number> {
    const of = (mode: Mode): number => this.spent[cpu * MODES.length + MODES.indexOf(mode)]! / 1e9;
    const [user, kernel] = [of("guest-user"), of("guest-kernel")];
    const xen = Math.min(inXen, user + kernel);
    const ofKernel = Math.min(xen, kernel);
    return {
      "guest-user": user - (xen - ofKernel),
      "guest-kernel": kernel - ofKernel,
      xen,
      idle: of("idle"),
    };
  }

  private modeOf(cpu: number): Mode {
    const { xen } = this.machine;
    if (xen.is_blocked(cpu)) return "idle";
    return xen.in_kernel_mode(cpu) ? "guest-kernel" : "guest-user";
  }
}
