/**
 * A proposal: what would change in the PV ABI, as data that names two policies, one in each twin.
 *
 * A new idea that needs no new behaviour is a new file in abi/proposals/; one that does adds a class to
 * linux-mm-model/top-level/ or xen-model/root/, whose registry gives it the name that stands here. Which names
 * there are is known where both twins are: machine/known-designs.ts.
 */
import { readFileSync } from "node:fs";
import { parseDocument } from "yaml";
import { z } from "zod";
import { BadInput } from "./bad-input.js";

const kebab = z.string().regex(/^[a-z0-9][a-z0-9-]*$/, "lower case, digits and dashes");

/** What Xen maps: each key is one step towards a Xen that maps no secrets, and today's Xen is the default. */
const layoutSchema = z.strictObject({
  /** All of memory is mapped; without, the region keeps its L3 tables, and Xen heap pages are mapped as they are allocated. */
  directmap: z.boolean().default(true),
  /** Without a directmap: EPT pages stay mapped, or are mapped when Xen walks them. */
  ept: z.enum(["mapped", "demand"]).default("mapped"),
  /** Without a directmap: map_domain_page() by a mapcache of the domain, one of the vCPU, or an entry made and destroyed each time. */
  mapcache: z.enum(["domain", "vcpu", "none"]).default("domain"),
  /** Stacks and per-CPU areas are Xen heap, or mapped in the L4s of their own pCPU only. */
  percpu: z.enum(["shared", "own"]).default("shared"),
  /** The stack and the per-CPU area on which pCPU 0 boots lie in Xen's image, or are allocated as those of other pCPUs. */
  bootPercpu: z.enum(["image", "allocated"]).default("image"),
  /** Registers and FPU state of vCPUs are Xen heap, or mapped in slot 260 of their domain, or in the L4s of their own vCPU only. */
  vcpuState: z.enum(["xenheap", "domain", "own"]).default("xenheap"),
  /** struct domain, grant tables and event channels are Xen heap, or mapped in slot 260 of their domain only. */
  domainState: z.enum(["xenheap", "domain"]).default("xenheap"),
  /** Each L4 maps itself in slot 258. */
  linearMap: z.boolean().default(true),
  /** Roots that Xen makes (root_pgt of a pCPU, or of a vCPU) are Xen heap, or domain heap: mapped by map_domain_page() to be written. */
  roots: z.enum(["xenheap", "domheap"]).default("xenheap"),
});

/** xen.layout of a proposal. */
export type LayoutOptions = z.infer<typeof layoutSchema>;

/** Xen of today. */
export const TODAY: Readonly<LayoutOptions> = layoutSchema.parse({});

/** The keys of a proposal, and their values. */
export const proposalSchema = z.strictObject({
  /** As on the command line. */
  name: kebab,
  /** A control is no change that anybody proposes: its answer is known, and the others are held against it. */
  kind: z.enum(["proposal", "control"]).default("proposal"),
  title: z.string(),
  /** The question that a run of it answers. */
  question: z.string(),
  /** How a guest tells that it knows the new rules; none where the guest does not change. */
  feature: z
    .strictObject({
      name: z.string(),
      /** Bit of XENFEAT submap 0; 21 is the first free one. */
      bit: z.int().min(0).max(31),
      advertised: z.enum(["supported-features", "features-string", "vm-assist"]),
      required: z.boolean(),
    })
    .optional(),
  linux: z.strictObject({
    /** Which top-level tables Linux loads: a class of linux-mm-model/top-level/, by its name in the registry. */
    top: kebab,
    /** How a populated user slot reaches the other tables of the mm. Clearing is always eager. */
    sync: z.enum(["none", "fault", "eager"]).default("none"),
    /** Leave the user tables when a vCPU goes idle or borrows an mm. */
    unlazy: z.boolean().default(false),
    /** How a kernel slot that is populated after boot does: at once, as since 5.8, or at a fault, as before. */
    kernelSync: z.enum(["eager", "fault"]).default("eager"),
  }),
  xen: z.strictObject({
    /**
     * What the guest runs in: a PV domain, 64-bit or 32-bit; a PVH container, with root "monitor"; or a PV domain of a shim, whose root this
     * is then, in a PVH container.
     */
    container: z.enum(["pv", "pv32", "pvh", "shim"]).default("pv"),
    /** What Xen loads while a 64-bit PV guest runs, and while it runs itself: a class of xen-model/root/. */
    root: kebab,
    /** pCPUs on which no vCPU runs: whether they share idle_pg_table, and whether dom0 makes EFI runtime calls. */
    idle: z
      .strictObject({
        pcpus: z.int().min(1).max(8),
        table: z.enum(["shared", "per-pcpu"]),
        efi: z.boolean().default(false),
      })
      .optional(),
    /** An L4 is installed on at most one vCPU; any other installation is refused. */
    exclusive: z.boolean().default(false),
    /** Who is flushed after an L2+ edit: all of the domain (XSA-286), or the vCPU that owns the L4. */
    flush: z.enum(["domain", "owner"]).default("domain"),
    /** How Xen's address space differs from today's. */
    layout: layoutSchema.prefault({}),
  }),
  /** What becomes of a guest without the feature. */
  fallback: z.enum(["none", "audit-refuse", "xpti", "shim"]).default("none"),
  /** What a guest cannot have under it, and what of it no number contains: sentences that a report prints. */
  limits: z.array(z.string()).default([]),
  notModelled: z.array(z.string()).default([]),
  /** Options of a design's own, which it finds in its configuration. */
  parameters: z.record(z.string(), z.union([z.number(), z.string(), z.boolean()])).default({}),
});

/** A proposal, all keys filled in. */
export type Proposal = z.infer<typeof proposalSchema>;

/** A proposal as it is written: keys with a default may be left out. */
export type ProposalIdea = z.input<typeof proposalSchema>;

/**
 * A proposal from an object, as readProposal() makes one from a file.
 *
 * Errors: BadInput, naming the key, and what is allowed there.
 */
export function defineProposal(idea: ProposalIdea): Proposal {
  return parseProposal(idea, `proposal ${idea.name}`);
}

/**
 * Read a proposal from a YAML file.
 *
 * Errors: BadInput, naming the file, the line or key, and what is allowed there.
 */
export function readProposal(file: string): Proposal {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new BadInput(
      file,
      "",
      `cannot be read (${(error as NodeJS.ErrnoException).code})`,
      "name a proposal or a YAML file",
    );
  }
  const document = parseDocument(text);
  const [damage] = document.errors;
  if (damage !== undefined) {
    const line = damage.linePos?.[0].line ?? 1;
    throw new BadInput(file, `line ${line}`, "is not YAML", "mend the line");
  }
  return parseProposal(document.toJS(), file);
}

function parseProposal(value: unknown, file: string): Proposal {
  const result = proposalSchema.safeParse(value);
  if (!result.success) {
    const [issue] = result.error.issues;
    const key = issue!.path.join(".") || "top level";
    throw new BadInput(file, key, issue!.message, "see abi/proposal.ts for the keys and their values");
  }
  return result.data;
}
