/** Equality of results, as the recordings define it (test/data/xen-4.17/README.md). */
import type { GuestMachine } from "./guest-machine.js";
import type { Result } from "./replay-script.js";

/** Are two results equal by the recordings' rules? A and D bits are compared too, and what an audit said. */
export function sameResult(m: GuestMachine, modelled: Result, recorded: Result): boolean {
  if (JSON.stringify(modelled["log"]) !== JSON.stringify(recorded["log"])) return false;
  for (const key of ["rc", "err", "done", "gpfn"]) {
    if (key === "gpfn" && recorded[key] !== undefined) {
      // the model keeps 53 bits of an entry of the machine-to-phys table
      if (
        Number(gpfnValue(m, recorded[key] as string)) !==
        Number(gpfnValue(m, (modelled[key] as string | undefined) ?? "0x0"))
      )
        return false;
    } else if (modelled[key] !== recorded[key]) return false;
  }
  if ((modelled["ok"] === true) !== (recorded["ok"] === true)) return false;
  if (recorded["fault"] !== undefined) return sameFault(modelled["fault"], recorded["fault"]);
  if (recorded["value"] !== undefined && modelled["known"] !== false) {
    if (!sameEntry(modelled["value"] as string, recorded["value"] as string)) return false;
  }
  if (recorded["entries"] !== undefined) return sameEntries(modelled["entries"], recorded["entries"]);
  if (recorded["calls"] !== undefined) {
    const ours = modelled["calls"] as Result[];
    return (recorded["calls"] as Result[]).every((call, i) => sameResult(m, ours[i]!, call));
  }
  return true;
}

function gpfnValue(m: GuestMachine, text: string): bigint {
  return text.startsWith("p") ? BigInt(m.frameOf(text)) : BigInt(text);
}

function sameFault(modelled: unknown, recorded: unknown): boolean {
  const ours = modelled as Record<string, string | number> | undefined;
  const theirs = recorded as Record<string, string | number>;
  if (
    ours === undefined ||
    ours["vector"] !== theirs["vector"] ||
    Number(ours["error"]) !== Number(theirs["error"])
  )
    return false;
  return BigInt(ours["cr2"]!) === BigInt(theirs["cr2"]!);
}

/** For entries with a frame of Xen's only the presence and the frame matter. */
function sameEntry(modelled: string, recorded: string): boolean {
  if (!recorded.startsWith("xen")) return modelled === recorded;
  return modelled.split("|")[0] === recorded.split("|")[0];
}

function sameEntries(modelled: unknown, recorded: unknown): boolean {
  const ours = modelled as Record<string, string> | undefined;
  const theirs = recorded as Record<string, string>;
  if (ours === undefined) return false;
  const slots = Object.keys(theirs);
  if (slots.length !== Object.keys(ours).length) return false;
  return slots.every((slot) => {
    const mine = ours[slot];
    if (mine === undefined) return false;
    if (slot === "258") return mine.split("|")[0] === theirs[slot]!.split("|")[0];
    return sameEntry(mine, theirs[slot]!);
  });
}
