/**
 * A proposal: what would change in the PV ABI, as data that names two policies, one in each twin.
 *
 * A new idea that needs no new behaviour is a new file in abi/proposals/; one that does adds a class to
 * linux-mm-model/ or xen-model/ and its name to a list here.
 */
import { readFileSync } from "node:fs";
import { parseDocument } from "yaml";
import { z } from "zod";
import { BadInput } from "./bad-input.js";

/** Which top-level tables Linux loads. Classes of linux-mm-model/top-level/. */
export const LINUX_DESIGNS = ["shared-pgd", "per-thread", "per-mm-vcpu", "per-vcpu"] as const;

/** What Xen loads while a 64-bit PV guest runs, and while it runs itself. Classes of xen-model/root/. */
export const XEN_ROOTS = ["shared", "xpti-copy-always", "xpti", "vcpu-root"] as const;

export const proposalSchema = z.strictObject({
  /** As on the command line. */
  name: z.string().regex(/^[a-z0-9][a-z0-9-]*$/, "lower case, digits and dashes"),
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
    top: z.enum(LINUX_DESIGNS),
    /** How a populated user slot reaches the other tables of the mm. Clearing is always eager. */
    sync: z.enum(["none", "fault", "eager"]).default("none"),
    /** Leave the user tables when a vCPU goes idle or borrows an mm. */
    unlazy: z.boolean().default(false),
    /** How a kernel slot that is populated after boot does: at once, as since 5.8, or at a fault, as before. */
    kernelSync: z.enum(["eager", "fault"]).default("eager"),
  }),
  xen: z.strictObject({
    root: z.enum(XEN_ROOTS),
    /** An L4 is installed on at most one vCPU; any other installation is refused. */
    exclusive: z.boolean().default(false),
    /** Who is flushed after an L2+ edit: all of the domain (XSA-286), or the vCPU that owns the L4. */
    flush: z.enum(["domain", "owner"]).default("domain"),
  }),
  /** What becomes of a guest without the feature. */
  fallback: z.enum(["none", "audit-refuse", "xpti", "shim"]).default("none"),
  parameters: z.record(z.string(), z.union([z.number(), z.string(), z.boolean()])).default({}),
});

export type Proposal = z.infer<typeof proposalSchema>;

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
  const result = proposalSchema.safeParse(document.toJS());
  if (!result.success) {
    const [issue] = result.error.issues;
    const key = issue!.path.join(".") || "top level";
    throw new BadInput(file, key, issue!.message, "see abi/proposal.ts for the keys and their values");
  }
  return result.data;
}
