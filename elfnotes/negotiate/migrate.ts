/**
 * A PV guest that moves between a host with the proposal and one without.
 *
 * A stream has memory, P2M and vCPU contexts; of features it has only vm_assist, in the context of vCPU 0. No ELF
 * is parsed where a guest arrives. So a flag from the notes is lost without a word, and one by vm_assist stops the
 * guest from arriving where Xen does not know it. Either way the audit itself needs nothing saved: tables are
 * pinned, and L4s installed, anew.
 *
 * Mirrors: write_one_vcpu_basic(), tools/libs/guest/xg_sr_save_x86_pv.c; process_vcpu_basic() and
 * pin_pagetables(), xg_sr_restore_x86_pv.c; arch_set_info_guest(), xen/arch/x86/domain.c.
 * Differs: live migration's log-dirty mode is not looked at, though it needs shadow paging (XSA-495).
 */
import type { Proposal } from "../../abi/proposal.js";
import type { Flag } from "../can-advertise.js";
import { Chain } from "./chain.js";
import { REQUESTS, type Row } from "./row.js";
import type { Protection } from "./xen.js";

/** Where guests come from and go to that have not got the proposal. 4.1's streams are of another format. */
export const OTHER_XENS = ["4.17", "master"] as const;

/**
 * away   booted with the proposal, moves to a host without it
 * back   that guest again, on its way back
 * first  booted without the proposal, moves to a host with it
 */
export const MOVES = ["away", "back", "first"] as const;

type Move = (typeof MOVES)[number];

/** What may be on where a running guest arrives. A shim is not among it, but a host may have one for others. */
export const ARRIVALS: readonly Protection[] = ["none", "xpti", "asi", "shim"];

const SAVE = ["write_one_vcpu_basic()", "tools/libs/guest/xg_sr_save_x86_pv.c"] as const;
const RESTORE = ["process_vcpu_basic()", "tools/libs/guest/xg_sr_restore_x86_pv.c"] as const;
const PIN = ["pin_pagetables()", "tools/libs/guest/xg_sr_restore_x86_pv.c"] as const;
const SET_INFO = ["arch_set_info_guest()", "xen/arch/x86/domain.c"] as const;
const GET_FEATURES = ["do_xen_version()", "xen/common/kernel.c"] as const;
const VM_ASSIST = ["do_vm_assist()", "xen/common/domain.c"] as const;
const NEW_CR3 = ["new_guest_cr3()", "xen/arch/x86/mm.c"] as const;

export function migrations(proposal: Proposal, flag: Flag): Row[] {
  return OTHER_XENS.flatMap((other) =>
    MOVES.flatMap((move) =>
      REQUESTS.flatMap((request) =>
        ARRIVALS.map((available): Row => {
          const chain = new Chain();
          const end = arrive({ proposal, flag, move, request, available, chain });
          const xen = move === "away" ? `proposed -> ${other}` : `${other} -> proposed`;
          const { refusal, checks, reason } = chain;
          const outcome =
            refusal === undefined ? end.outcome : `refused by ${refusal.by}: ${refusal.message}`;
          const { saved, breaks } = end;
          const guest = `new, ${move}`;
          return {
            ...{ kind: "migration", guest, xen, flag: request, available, role: "domU", outcome },
            ...{ reason, checks, saved, breaks },
          };
        }),
      ),
    ),
  );
}

interface Journey {
  readonly proposal: Proposal;
  readonly flag: Flag;
  readonly move: Move;
  readonly request: (typeof REQUESTS)[number];
  readonly available: Protection;
  readonly chain: Chain;
}

interface Arrival {
  readonly outcome: string;
  readonly saved: string;
  readonly breaks: string;
}

function arrive(journey: Journey): Arrival {
  return journey.flag.advertised === "vm-assist" ? byVmAssist(journey) : byNotes(journey);
}

function byNotes(journey: Journey): Arrival {
  const { flag, move, request, chain } = journey;
  const neverBooted = move === "first" && request === "required";
  if (neverBooted) {
    const at = ["elf_xen_parse_features()", "xen/common/libelf/libelf-dominfo.c"] as const;
    const says = `does not know !${flag.name}, so the guest never booted there`;
    chain.refuse(at, says, "libelf", "-EINVAL of elf_xen_parse()");
    return { outcome: "", saved: "nothing", breaks: "nothing moves" };
  }
  chain.pass(SAVE, `saves vm_assist with vCPU 0, and nothing of ${flag.name}`);
  const outcome = runsWith(journey, move !== "away");
  if (chain.refusal === undefined) chain.pass(PIN, "pins the guest's tables, audited as any");
  const saved = `that the domain has ${flag.name}: a record of the stream, or a flag of its configuration`;
  if (chain.refusal !== undefined) {
    return { outcome, saved, breaks: "the guest cannot arrive, since its flag did not come with it" };
  }
  if (move === "away") {
    chain.pass(GET_FEATURES, `shows no ${flag.name}; the guest looked when it booted`);
    const believes =
      request === "required" ? `runs where ${flag.name} is missing, which it required` : "is not told";
    return {
      outcome,
      saved,
      breaks: `the guest ${believes}, and keeps its tables exclusive in vain`,
    };
  }
  chain.pass(GET_FEATURES, `shows no ${flag.name}: no notes were parsed for the domain`);
  const breaks =
    move === "back"
      ? "a guest that could be audited is not, until it boots again"
      : "nothing: the guest took the tables of today when it booted, and has them until it boots again";
  return { outcome, saved, breaks };
}

function byVmAssist(journey: Journey): Arrival {
  const { flag, move, request, chain } = journey;
  const saved = "nothing more: vm_assist is saved with vCPU 0";
  if (move === "away") {
    chain.pass(SAVE, `saves vm_assist with ${flag.name} on`);
    chain.pass(RESTORE, "hands vCPU 0 to Xen");
    chain.refuse(
      SET_INFO,
      "finds a type that is not in arch_vm_assist_valid_mask(), and returns -EINVAL",
      "toolstack",
      "Failed to set vcpu0's basic info",
    );
    return {
      outcome: "",
      saved,
      breaks: `the guest cannot arrive, unless it switches ${flag.name} off before it is suspended`,
    };
  }
  if (move === "first" && request === "required") {
    chain.refuse(
      VM_ASSIST,
      `returned -EINVAL for ${flag.name}, so the guest never ran there`,
      "guest",
      "the kernel cannot run without what it asked for",
    );
    return { outcome: "", saved: "nothing", breaks: "nothing moves" };
  }
  chain.pass(SAVE, `saves vm_assist with ${flag.name} off`);
  chain.pass(SET_INFO, "installs each vCPU's L4");
  chain.pass(PIN, "pins the guest's tables, audited as any");
  chain.pass(VM_ASSIST, `switches ${flag.name} on, if the guest asks again when it resumes`);
  chain.pass(NEW_CR3, "lets an L4 be installed on one vCPU alone from then on");
  const breaks = "the call has to fail while two vCPUs have one L4, so the guest must part them first";
  return { outcome: "runs audited", saved, breaks };
}

/** Without the flag: by what is on where the guest arrived. */
function runsWith({ proposal, available, chain }: Journey, onProposed: boolean): string {
  if (onProposed && proposal.fallback === "audit-refuse") {
    chain.refuse(SET_INFO, "finds an L4 installed on another vCPU", "Xen", "-EBUSY for its vCPU context");
    return "";
  }
  switch (available) {
    case "xpti":
      chain.pass(SET_INFO, "installs each vCPU's L4; XPTI is on for the domain");
      return "runs with XPTI";
    case "asi":
      if (onProposed) {
        chain.pass(SET_INFO, "installs each vCPU's L4, copied into the vCPU's own (ASI)");
        return "runs with ASI";
      }
      chain.pass(SET_INFO, "installs each vCPU's L4; this Xen has no ASI");
      return "runs unprotected";
    case "shim":
      chain.pass(SET_INFO, "installs each vCPU's L4: a running PV guest cannot be put into a shim");
      return "runs unprotected";
    case "none":
      chain.pass(SET_INFO, "installs each vCPU's L4, whoever else has it");
      return "runs unprotected";
  }
}
