/**
 * The numbers of what scripts name: commands, flushes, and the flags of a home mapping.
 *
 * Mirrors: xen/include/public/xen.h.
 */
import {
  MMU_MACHPHYS_UPDATE,
  MMU_NORMAL_PT_UPDATE,
  MMU_PT_UPDATE_NO_TRANSLATE,
  MMU_PT_UPDATE_PRESERVE_AD,
} from "../../abi/mmu-update.js";
import * as ext from "../../abi/mmuext-op.js";
import * as uvm from "../../abi/update-va-mapping.js";
import type { Extended, Flush, Update } from "./script.js";

const CMDS: Record<string, number> = {
  normal: MMU_NORMAL_PT_UPDATE,
  machphys: MMU_MACHPHYS_UPDATE,
  preserve_ad: MMU_PT_UPDATE_PRESERVE_AD,
  no_translate: MMU_PT_UPDATE_NO_TRANSLATE,
};

const EXT: Record<string, number> = {
  pin_l1: ext.MMUEXT_PIN_L1_TABLE,
  pin_l2: ext.MMUEXT_PIN_L2_TABLE,
  pin_l3: ext.MMUEXT_PIN_L3_TABLE,
  pin_l4: ext.MMUEXT_PIN_L4_TABLE,
  unpin: ext.MMUEXT_UNPIN_TABLE,
  new_baseptr: ext.MMUEXT_NEW_BASEPTR,
  new_user_baseptr: ext.MMUEXT_NEW_USER_BASEPTR,
  clear_page: ext.MMUEXT_CLEAR_PAGE,
  copy_page: ext.MMUEXT_COPY_PAGE,
  invlpg_local: ext.MMUEXT_INVLPG_LOCAL,
  invlpg_all: ext.MMUEXT_INVLPG_ALL,
  invlpg_multi: ext.MMUEXT_INVLPG_MULTI,
  tlb_flush_local: ext.MMUEXT_TLB_FLUSH_LOCAL,
  tlb_flush_all: ext.MMUEXT_TLB_FLUSH_ALL,
  tlb_flush_multi: ext.MMUEXT_TLB_FLUSH_MULTI,
  flush_cache: ext.MMUEXT_FLUSH_CACHE,
  flush_cache_global: ext.MMUEXT_FLUSH_CACHE_GLOBAL,
  mark_super: ext.MMUEXT_MARK_SUPER,
  unmark_super: ext.MMUEXT_UNMARK_SUPER,
  set_ldt: ext.MMUEXT_SET_LDT,
};

export const UVMF: Record<Flush, number> = {
  none: uvm.UVMF_NONE,
  tlb_local: uvm.UVMF_TLB_FLUSH | uvm.UVMF_LOCAL,
  tlb_all: uvm.UVMF_TLB_FLUSH | uvm.UVMF_ALL,
  tlb_multi: uvm.UVMF_TLB_FLUSH | uvm.UVMF_MULTI,
  invlpg_local: uvm.UVMF_INVLPG | uvm.UVMF_LOCAL,
  invlpg_all: uvm.UVMF_INVLPG | uvm.UVMF_ALL,
  invlpg_multi: uvm.UVMF_INVLPG | uvm.UVMF_MULTI,
};

export const HOME_FLAGS = { rw: 0x67, ro: 0x65, none: 0 } as const;

/** Number of an update's command. */
export function updateCommand({ cmd }: Update): number {
  return typeof cmd === "number" ? cmd : CMDS[cmd]!;
}

/** Number of an extended op's command; 255 for one that no Xen has. */
export function extendedCommand({ cmd }: Extended): number {
  return typeof cmd === "number" ? Math.min(cmd, 255) : (EXT[cmd] ?? 255);
}
