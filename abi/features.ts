/**
 * Feature bits (XENFEAT_*): what Xen tells a guest with XENVER_get_features, and what a kernel image says of
 * itself in the notes FEATURES and SUPPORTED_FEATURES.
 *
 * Mirrors: xen/include/public/features.h; common/kernel.c and common/libelf/libelf-dominfo.c for who uses them.
 */

export const XENFEAT_NR_SUBMAPS = 1;

export const XENFEAT_writable_page_tables = 0;
export const XENFEAT_writable_descriptor_tables = 1;
export const XENFEAT_auto_translated_physmap = 2;
export const XENFEAT_supervisor_mode_kernel = 3;
export const XENFEAT_pae_pgdir_above_4gb = 4;
export const XENFEAT_mmu_pt_update_preserve_ad = 5;
export const XENFEAT_highmem_assist = 6;
export const XENFEAT_gnttab_map_avail_bits = 7;
export const XENFEAT_hvm_callback_vector = 8;
export const XENFEAT_hvm_safe_pvclock = 9;
export const XENFEAT_hvm_pirqs = 10;
export const XENFEAT_dom0 = 11;
export const XENFEAT_grant_map_identity = 12;
export const XENFEAT_memory_op_vnode_supported = 13;
export const XENFEAT_ARM_SMCCC_supported = 14;
export const XENFEAT_linux_rsdp_unrestricted = 15;
export const XENFEAT_not_direct_mapped = 16;
export const XENFEAT_direct_mapped = 17;
export const XENFEAT_runstate_phys_area = 18;
export const XENFEAT_vcpu_time_phys_area = 19;
export const XENFEAT_dm_msix_all_writes = 20;

/** The first bit that master gives no meaning to; so are the ones above it, up to 31. */
export const XENFEAT_FIRST_FREE = 21;

/** The releases that the table tells apart. */
export type XenRelease = "4.17" | "master";

export interface Xenfeat {
  readonly bit: number;
  /** As in the FEATURES note, so without XENFEAT_. */
  readonly name: string;
  /** Always 0 so far: XENVER_get_features returns -EINVAL for any submap from XENFEAT_NR_SUBMAPS on. */
  readonly submap: number;
  /** Which guests see it set, in XENVER_get_features' words. */
  readonly seenBy: string;
  /** The first of the releases whose public header has it. */
  readonly since: XenRelease;
  /** libelf knows the name in a FEATURES note; any other name is skipped, or with `!` refused. */
  readonly inFeaturesNote: boolean;
}

const row = (bit: number, name: string, seenBy: string, since: XenRelease = "4.17"): Xenfeat => ({
  bit,
  name,
  submap: 0,
  seenBy,
  since,
  inFeaturesNote: PARSED_BY_LIBELF.has(name),
});

const PARSED_BY_LIBELF = new Set([
  "writable_page_tables",
  "writable_descriptor_tables",
  "auto_translated_physmap",
  "supervisor_mode_kernel",
  "pae_pgdir_above_4gb",
  "hvm_callback_vector",
  "dom0",
]);

/** In order of their bits, without a gap: XENFEAT[bit]. */
export const XENFEAT: readonly Xenfeat[] = [
  row(XENFEAT_writable_page_tables, "writable_page_tables", "translated guests"),
  row(XENFEAT_writable_descriptor_tables, "writable_descriptor_tables", "none"),
  row(XENFEAT_auto_translated_physmap, "auto_translated_physmap", "translated guests"),
  row(XENFEAT_supervisor_mode_kernel, "supervisor_mode_kernel", "none"),
  row(XENFEAT_pae_pgdir_above_4gb, "pae_pgdir_above_4gb", "guests with VMASST_TYPE_pae_extended_cr3"),
  row(XENFEAT_mmu_pt_update_preserve_ad, "mmu_pt_update_preserve_ad", "PV guests"),
  row(XENFEAT_highmem_assist, "highmem_assist", "PV guests"),
  row(XENFEAT_gnttab_map_avail_bits, "gnttab_map_avail_bits", "PV guests"),
  row(XENFEAT_hvm_callback_vector, "hvm_callback_vector", "HVM guests"),
  row(XENFEAT_hvm_safe_pvclock, "hvm_safe_pvclock", "HVM guests"),
  row(XENFEAT_hvm_pirqs, "hvm_pirqs", "HVM guests with pirqs"),
  row(XENFEAT_dom0, "dom0", "the hardware domain"),
  row(XENFEAT_grant_map_identity, "grant_map_identity", "none: the number is retired"),
  row(XENFEAT_memory_op_vnode_supported, "memory_op_vnode_supported", "all guests"),
  row(XENFEAT_ARM_SMCCC_supported, "ARM_SMCCC_supported", "Arm guests"),
  row(XENFEAT_linux_rsdp_unrestricted, "linux_rsdp_unrestricted", "none: a kernel tells its loader"),
  row(XENFEAT_not_direct_mapped, "not_direct_mapped", "guests whose memory is not mapped 1:1"),
  row(XENFEAT_direct_mapped, "direct_mapped", "guests whose memory is mapped 1:1"),
  row(XENFEAT_runstate_phys_area, "runstate_phys_area", "all guests", "master"),
  row(XENFEAT_vcpu_time_phys_area, "vcpu_time_phys_area", "all guests", "master"),
  row(XENFEAT_dm_msix_all_writes, "dm_msix_all_writes", "x86 guests", "master"),
];

/** The name of `bit` of `submap`, for reports; one without a name is called by its number, as in "bit 21". */
export function xenfeatName(bit: number, submap = 0): string {
  if (submap !== 0) return `submap ${submap} bit ${bit}`;
  return XENFEAT[bit]?.name ?? `bit ${bit}`;
}
