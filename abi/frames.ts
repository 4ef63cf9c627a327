/**
 * Frame numbers and addresses, branded so that mixing two spaces is a type error.
 *
 * Mirrors: mfn_t, xen/include/xen/mm-frame.h.
 * Differs: a PV guest's gfn is its mfn, so one type stands for both.
 */

/** Machine frame: what Xen writes into its own pagetables, and the MMU reads. */
export type Mfn = number & { readonly __frame: "mfn" };

/** Virtual page number: virtual address >> 12, 36 bits (45 with five levels); divide it, never shift it. */
export type Vpn = number & { readonly __address: "vpn" };

/** A virtual CPU of one domain. */
export type VcpuId = number;
/** A physical CPU. */
export type PcpuId = number;

/** A plain number as a frame number, and as a page number: where one comes from outside the types. */
export const mfn = (n: number): Mfn => n as Mfn;
export const vpn = (n: number): Vpn => n as Vpn;

/**
 * The 52-bit page number of a canonical address, as hypercalls take it (linear address >> 12), from its 36-bit
 * vpn; for 4-level paging.
 */
export function linear_page(page: Vpn): number {
  return page < 2 ** 35 ? page : page + (2 ** 52 - 2 ** 36);
}

/** The reverse of linear_page(). */
export function vpn_of_linear(page: number): Vpn {
  return (page - Math.floor(page / 2 ** 36) * 2 ** 36) as Vpn; // % is slow beyond an int
}

/** Units: bytes. */
export const PAGE_SIZE = 4096;
