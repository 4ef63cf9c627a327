import { expect } from "chai";
import { canAdvertise, type Flag } from "../../elfnotes/can-advertise.js";
import { type GuestKind, whyNotLoaded } from "../../elfnotes/note-check.js";
import { decodeImage } from "../../elfnotes/read-image.js";
import { type ElfSpec, elf, le32, linuxNotes, type NoteSpec } from "./image-builder.js";

const flag: Flag = { name: "exclusive_l4", bit: 21, advertised: "supported-features", required: false };

/** The notes of a Linux, some of them other than usual; undefined leaves one out. */
const linux = (others: Record<number, NoteSpec["desc"] | undefined>): ElfSpec => ({
  segment: [
    ...linuxNotes.filter(({ type }) => !(type in others)),
    ...Object.entries(others).flatMap(([type, desc]) =>
      desc === undefined ? [] : [{ type: Number(type), desc }],
    ),
  ],
});

describe("canAdvertise", () => {
  const inString: Flag = { ...flag, advertised: "features-string" };
  for (const [what, spec, asked, negotiates, reason] of [
    [
      "a Linux of today",
      linux({}),
      flag,
      false,
      "SUPPORTED_FEATURES is 0x8801, without bit 21 (exclusive_l4)",
    ],
    [
      "a Linux with the bit",
      linux({ 17: le32(0x200801) }),
      flag,
      true,
      "the notes say that the guest supports bit 21 (exclusive_l4)",
    ],
    [
      "a Linux with bit 31",
      linux({ 17: le32(0x80000000) }),
      { ...flag, bit: 31 },
      true,
      "the notes say that the guest supports bit 31 (exclusive_l4)",
    ],
    [
      "a Linux before SUPPORTED_FEATURES",
      linux({ 17: undefined }),
      flag,
      false,
      "the image has no SUPPORTED_FEATURES note, so no bit 21 (exclusive_l4)",
    ],
    [
      "a kernel for bare metal",
      {},
      flag,
      false,
      "Xen does not load the image as a PV guest: it has no Xen notes",
    ],
    [
      "a PVH kernel",
      { segment: linuxNotes.slice(-1) },
      flag,
      false,
      "Xen does not load the image as a PV guest: neither is its loader generic nor the OS linux",
    ],
    [
      "a Linux of today",
      linux({}),
      inString,
      false,
      'FEATURES is "!writable_page_tables|pae_pgdir_above_4gb", without exclusive_l4',
    ],
    ["a Linux without FEATURES", linux({ 10: undefined }), inString, false, "the image has no FEATURES note"],
    [
      "a Linux with the name",
      linux({ 10: "exclusive_l4\0" }),
      inString,
      true,
      "FEATURES has exclusive_l4; a Xen without it skips the name",
    ],
    [
      "a Linux that requires the name",
      linux({ 10: "!exclusive_l4\0" }),
      inString,
      true,
      "FEATURES requires exclusive_l4; a Xen without it refuses the image",
    ],
    [
      "a Linux that requires another",
      linux({ 10: "!shoes|exclusive_l4\0" }),
      inString,
      false,
      "the image requires shoes, which Xen does not know",
    ],
    [
      "any Linux",
      linux({}),
      { ...flag, advertised: "vm-assist" },
      false,
      "the guest enables exclusive_l4 by vm_assist when it runs, and no note tells whether it does",
    ],
  ] as const) {
    it(`says ${negotiates ? "yes" : "no"} of ${what}, by ${asked.advertised}: ${reason}`, async () => {
      const image = await decodeImage(elf(spec), "k");
      expect(canAdvertise(image, asked)).to.deep.equal({ negotiates, reason });
    });
  }
});

describe("whyNotLoaded", () => {
  const legacy = "GUEST_OS=linux,XEN_VER=xen-3.0,FEATURES=!shoes";
  for (const [what, spec, kind, reason] of [
    ["a Linux", linux({}), "pv", undefined],
    ["a Linux", linux({}), "pv dom0", undefined],
    ["a Linux", linux({}), "pvh", undefined],
    ["a Linux without PHYS32_ENTRY", linux({ 18: undefined }), "pvh", "it has no PHYS32_ENTRY"],
    ["another OS, by its generic loader", linux({ 6: "netbsd\0" }), "pv", undefined],
    [
      "another OS with a loader of its own",
      linux({ 6: "netbsd\0", 8: "own\0" }),
      "pv",
      "neither is its loader generic nor the OS linux",
    ],
    ["a guest of Xen 2", linux({ 5: "xen-2.0\0" }), "pv", "its XEN_VERSION does not begin with xen-3.0"],
    ["a guest of Xen 2", linux({ 5: "xen-2.0\0" }), "pvh", undefined],
    ["a guest that never was a dom0", linux({ 17: le32(1) }), "pv dom0", "its SUPPORTED_FEATURES lacks dom0"],
    ["an old guest without SUPPORTED_FEATURES", linux({ 17: undefined }), "pv dom0", undefined],
    ["a guest that requires dom0", linux({ 10: "!dom0\0" }), "pv", "it requires dom0"],
    ["a guest that requires dom0", linux({ 10: "!dom0\0" }), "pv dom0", undefined],
    [
      "a guest in ring 0",
      linux({ 10: "!supervisor_mode_kernel\0" }),
      "pv dom0",
      "it requires supervisor_mode_kernel",
    ],
    [
      "a guest that requires shoes",
      linux({ 10: "!shoes\0" }),
      "pvh",
      "it requires shoes, which Xen 4.17 does not know",
    ],
    ["a guest for Arm", { ...linux({}), machine: 183 }, "pv", "it is for AArch64"],
    ["__xen_guest, whose errors libelf drops", { guest: legacy }, "pv", undefined],
    ["__xen_guest", { guest: legacy }, "pvh", "it has no Xen notes"],
  ] as const) {
    it(`says of ${what} as ${kind}: ${reason ?? "loads"}`, async () => {
      expect(whyNotLoaded(await decodeImage(elf(spec), "k"), kind as GuestKind)).to.equal(reason);
    });
  }
});
