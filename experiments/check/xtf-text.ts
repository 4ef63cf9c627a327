/**
 * A counterexample of any guest as the outline of an XTF test: the guest's calls in order, a vCPU each, and where Xen has to be
 * between two of its steps. XTF brings up one vCPU; the others, and the waiting for each other, are what is left to write.
 *
 * Mirrors: XTF's tests, tests/NAME/main.c.
 */
import type { Model } from "../../checker/model.js";
import type { Counterexample } from "../../checker/outcome.js";

/** The text of main.c. `says` is the sentence that does not hold behind the last action. */
export function toXtfTest(model: Model, { actions }: Counterexample, name: string, says: string): string {
  const lines = actions.map((action, i) => {
    const { process, name: what } = model.actions[action]!;
    return `    /* ${String(i + 1).padStart(2)}  ${model.processes[process]!}: ${callOf(what)} */`;
  });
  return [
    "/**",
    ` * @file tests/${name}/main.c`,
    ` * @ref test-${name}`,
    " *",
    ` * Must stay so: ${says}.`,
    ` * ${model.name}: the calls below, in this order, break it.`,
    " *",
    ` * @see tests/${name}/main.c`,
    " */",
    "#include <xtf.h>",
    "",
    `const char test_title[] = "${says}";`,
    "",
    "void test_main(void)",
    "{",
    ...lines,
    "",
    '    xtf_success("Success: Xen refused, or the guest is still alive\\n");',
    "}",
    "",
  ].join("\n");
}

/** A step of Xen's is a point to wait for; all else is a hypercall, with what it names. */
function callOf(what: string): string {
  if (what.startsWith("Xen:")) return "wait until Xen has made the next step of this vCPU's hypercall";
  const op = /^(MMUEXT_\w+)\((.*)\)$/.exec(what);
  if (op !== null) return `hypercall_mmuext_op({ .cmd = ${op[1]!}, .arg1.mfn = ${op[2]!} })`;
  const update = /^MMU_NORMAL_PT_UPDATE\((.*) slot (\d+) = (.*)\)$/.exec(what);
  if (update === null) return what;
  const [, table, slot, value] = update;
  return `hypercall_mmu_update({ .ptr = &${table!}[${slot!}] | MMU_NORMAL_PT_UPDATE, .val = ${value!} })`;
}
