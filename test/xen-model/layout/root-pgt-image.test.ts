/**
 * d1d6fc97d6 "x86/xpti: really hide almost all of Xen image".
 *
 * 422588e885 cloned only .text.entry into root_pgt, and then put the L3 entry of the stubs there as idle_pg_table has it.
 * Stubs and image share one GiB, and so that entry: the whole image was in reach again, and nobody saw it for weeks.
 */
import { expect } from "chai";
import { census } from "../../../xen-model/layout/census.js";
import { XEN_LAYOUT_RULES } from "../../../xen-model/layout/host-config.js";
import {
  IMAGE_SECTION_FRAMES,
  PERCPU_FRAMES,
  STACK_FRAMES,
  TEXT_ENTRY_FRAMES,
} from "../../../xen-model/layout/sizes.js";
import { xenHost, XPTI } from "./hosts.js";

const OLD = { ...XEN_LAYOUT_RULES, clone_stubs: false };

function imageFrames(rules = XEN_LAYOUT_RULES): number {
  const [found] = census(xenHost({ ...XPTI, rules }), { meltdown: true, l1tf: false }, [1]);
  return found!.classes.image / 4096;
}

describe("d1d6fc97d6: stubs cloned one by one", () => {
  it("leaves a guest's root_pgt the entry text and the frame of stubs", () => {
    expect(imageFrames()).to.equal(TEXT_ENTRY_FRAMES + 1);
  });

  it("where the stubs' L3 entry is spliced in, as 422588e885 did, the whole image is in reach", () => {
    expect(imageFrames(OLD)).to.equal(3 * IMAGE_SECTION_FRAMES - STACK_FRAMES - PERCPU_FRAMES + 1);
  });
});
