/**
 * Whether a translation permits an access: the last step of a walk, and all that a TLB hit has left to do.
 *
 * Mirrors: SDM vol. 3A, 4.6.1 (U/S, R/W, XD under WP, SMEP and SMAP), 4.6.2 (protection keys), 4.7 (error code).
 * Differs: explicit accesses only; no protection keys for supervisor pages (PKS), no shadow stacks.
 */
import {
  _PAGE_NX,
  _PAGE_RW,
  _PAGE_USER,
  PFEC_insn_fetch,
  PFEC_page_present,
  PFEC_prot_key,
  PFEC_user_mode,
  PFEC_write_access,
} from "../../abi/page.js";
import { ACCESS_FETCH, ACCESS_READ, ACCESS_WRITE, type Access, WalkControl } from "./control.js";

/** Bits of `rights`: R/W and U/S are those of every entry on the path, NX and the key as they stand in flags. */
export const RIGHTS_MASK = _PAGE_RW | _PAGE_USER | _PAGE_NX;

/** A leaf's protection key, entry bits 62:59, in its 24 flags. */
const PKEY_SHIFT = 19;
const PKEY_MASK = 0xf;
export const _PAGE_PKEY = PKEY_MASK << PKEY_SHIFT;

/** U/S and R/W stay where they are, and NX comes to bit 0: an index of three bits. */
const US_RW = _PAGE_RW | _PAGE_USER;
const NX_SHIFT = 31 - Math.clz32(_PAGE_NX);

/** PKRU's two bits a key. Mirrors: PKRU_AD_BIT, PKRU_WD_BIT, Linux asm/pkru.h. */
const PKRU_AD_BIT = 1;
const PKRU_WD_BIT = 2;

/** The part of an error code that tells of the access; the rest tells why it was refused. */
export function access_error(c: WalkControl, access: Access): number {
  const user = c.cpl === 3 ? PFEC_user_mode : 0;
  if (access === ACCESS_WRITE) return user | PFEC_write_access;
  if (access === ACCESS_FETCH && (c.nxe || c.smep)) return user | PFEC_insn_fetch;
  return user;
}

/**
 * Judge `access` to a page of `rights` (RIGHTS_MASK and _PAGE_PKEY).
 * Returns 0 where it is permitted, else P of the error code, and PK if the key denies it, whatever else does.
 */
export function rights_violation(c: WalkControl, rights: number, access: Access): number {
  const denied = pkey_denies(c, rights, access) ? PFEC_prot_key : 0;
  return denied !== 0 || rights_deny(c, rights, access) ? PFEC_page_present | denied : 0;
}

/** 1 where rights_violation() is 0. Shape: [modes 64][access 4][rights 8], filled below. */
const PERMITS = new Uint8Array(64 * 4 * 8);

/** Whether `access` to a page of `rights` (RIGHTS_MASK) is permitted without regard to keys. `modes`: of a WalkControl. */
export function permits(modes: number, access: Access, rights: number): boolean {
  return PERMITS[(modes << 5) | (access << 3) | (rights & US_RW) | (rights >>> NX_SHIFT)] !== 0;
}

function rights_deny(c: WalkControl, rights: number, access: Access): boolean {
  const userPage = (rights & _PAGE_USER) !== 0;
  if (access === ACCESS_FETCH) {
    if (c.nxe && (rights & _PAGE_NX) !== 0) return true;
    return c.cpl === 3 ? !userPage : userPage && c.smep;
  }
  if (c.cpl === 3 ? !userPage : userPage && c.smap && !c.ac) return true;
  return access === ACCESS_WRITE && (rights & _PAGE_RW) === 0 && (c.cpl === 3 || c.wp);
}

/** Keys guard data in user pages, from the supervisor too, in 64-bit mode only. */
function pkey_denies(c: WalkControl, rights: number, access: Access): boolean {
  if (!c.pke || c.levels === 3 || access === ACCESS_FETCH || (rights & _PAGE_USER) === 0) return false;
  const bits = c.pkru >>> (2 * ((rights >>> PKEY_SHIFT) & PKEY_MASK));
  if ((bits & PKRU_AD_BIT) !== 0) return true;
  return access === ACCESS_WRITE && (bits & PKRU_WD_BIT) !== 0 && (c.cpl === 3 || c.wp);
}

for (let modes = 0; modes < 64; modes++) {
  const c = new WalkControl();
  c.modes = modes;
  for (const access of [ACCESS_READ, ACCESS_WRITE, ACCESS_FETCH] as const) {
    for (let i = 0; i < 8; i++) {
      const rights = (i & US_RW) | ((i & 1) << NX_SHIFT);
      PERMITS[(modes << 5) | (access << 3) | i] = rights_violation(c, rights, access) === 0 ? 1 : 0;
    }
  }
}
