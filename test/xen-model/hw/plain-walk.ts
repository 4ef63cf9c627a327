/**
 * The pagetable walk once more, slowly, sentence by sentence from the manual: the judge of the fast one.
 *
 * Nothing is shared with xen-model/hw/: memory is a map from physical address to a 64-bit entry, bits are
 * numbered as in the manual's tables, and each rule is a line that can be held against its sentence.
 *
 * Mirrors: SDM vol. 3A, 4.4.1, 4.4.2, 4.5.4, 4.6.1, 4.6.2, 4.7, 4.8; tables 4-8 to 4-11 and 4-14 to 4-20.
 * Differs: `w`, 9 in the manual, is the number of address bits that one level translates.
 */
export interface PlainControl {
  mode: "pae" | "4level" | "5level";
  maxphyaddr: number;
  WP: boolean;
  SMEP: boolean;
  SMAP: boolean;
  AC: boolean;
  NXE: boolean;
  PKE: boolean;
  PKRU: bigint;
  CPL: number;
}

export interface PlainOutcome {
  /** The physical address, or why there is none. */
  pa?: bigint;
  vector?: 13 | 14;
  error?: number;
  /** Which sentence decided: for counting what a generator reached. */
  why: string;
}

export type PlainMemory = Map<bigint, bigint>;

const bit = (value: bigint, n: number): boolean => ((value >> BigInt(n)) & 1n) === 1n;
const field = (value: bigint, high: number, low: number): bigint =>
  high < low ? 0n : (value >> BigInt(low)) & ((1n << BigInt(high - low + 1)) - 1n);

class Fault extends Error {
  constructor(
    readonly why: string,
    readonly P: boolean,
    readonly RSVD = false,
    readonly PK = false,
  ) {
    super(why);
  }
}

/** 4.4.1: "If any of the PDPTEs sets both the P flag (bit 0) and any reserved bit, the MOV to CR instruction causes #GP(0)". */
export function plainLoadPdptes(
  memory: PlainMemory,
  c: Pick<PlainControl, "maxphyaddr">,
  at: bigint,
): bigint[] | "#GP" {
  const pdptes = [0n, 1n, 2n, 3n].map((i) => memory.get(at + 8n * i) ?? 0n);
  for (const pdpte of pdptes) {
    const reserved = field(pdpte, 2, 1) | field(pdpte, 8, 5) | field(pdpte, 63, c.maxphyaddr);
    if (bit(pdpte, 0) && reserved !== 0n) return "#GP";
  }
  return pdptes;
}

/** One access of `kind` to `la`. Sets A and D in `memory`. `cr3` has bits 11:0 clear; `pdptes` are for PAE. */
export function plainWalk(
  memory: PlainMemory,
  c: PlainControl,
  cr3: bigint,
  pdptes: readonly bigint[],
  la: bigint,
  kind: "r" | "w" | "x",
  w: number,
): PlainOutcome {
  const levels = c.mode === "5level" ? 5 : 4;
  if (c.mode !== "pae") {
    // vol. 1, 3.3.7.1: canonical if bits 63 through to the most-significant implemented bit are all the same
    const sign = 12 + levels * w - 1;
    const above = field(la, 63, sign);
    if (above !== 0n && above !== field(~0n, 63, sign)) return { vector: 13, error: 0, why: "not canonical" };
  }

  const user = c.CPL === 3;
  try {
    return c.mode === "pae" ? pae() : longMode();
  } catch (fault) {
    if (!(fault instanceof Fault)) throw fault;
    // 4.7, figure 4-12
    const error =
      (fault.P ? 1 : 0) +
      (kind === "w" ? 2 : 0) +
      (user ? 4 : 0) +
      (fault.RSVD ? 8 : 0) +
      (kind === "x" && (c.SMEP || c.NXE) ? 16 : 0) + // CR4.PAE is 1 in all these modes
      (fault.PK ? 32 : 0);
    return { vector: 14, error, why: fault.why };
  }

  /** The slot of the table at `level`: la bits 12+w*level-1 : 12+w*(level-1). */
  function slot(level: number): bigint {
    return field(la, 12 + w * level - 1, 12 + w * (level - 1));
  }

  /** 4.5.4, with the levels named: CR3 -> (PML5E ->) PML4E -> PDPTE -> PDE -> PTE. */
  function longMode(): PlainOutcome {
    const path: bigint[] = [];
    let table = cr3;

    if (levels === 5) {
      const [at, pml5e] = fetch(table, 5, path);
      if (bit(pml5e, 7)) reserved("bit 7 of a PML5E"); // table 4-14
      use(at);
      table = address(pml5e);
    }

    const [pml4At, pml4e] = fetch(table, 4, path);
    if (bit(pml4e, 7)) reserved("bit 7 of a PML4E"); // table 4-15
    use(pml4At);

    const [pdptAt, pdpte] = fetch(address(pml4e), 3, path);
    if (bit(pdpte, 7)) {
      // table 4-16: bits 29:13 are reserved where the entry maps a 1-GByte page
      if (field(pdpte, 12 + 2 * w - 1, 13) !== 0n) reserved("bits 29:13 of a 1-GByte page");
      return leaf(pdptAt, pdpte, 3, path);
    }
    use(pdptAt); // table 4-17

    return lower(address(pdpte), path);
  }

  /** 4.4.2: CR3 was left behind when the registers were loaded; bits 31:30 select one. */
  function pae(): PlainOutcome {
    const pdpte = pdptes[Number(field(la, 12 + 2 * w + 1, 12 + 2 * w))]!;
    if (!bit(pdpte, 0)) throw new Fault("PDPTE not present", false);
    return lower(address(pdpte), []);
  }

  /** Page directory and page table, the same in all modes but for what is reserved. */
  function lower(directory: bigint, path: bigint[]): PlainOutcome {
    const [pdAt, pde] = fetch(directory, 2, path);
    if (bit(pde, 7)) {
      // tables 4-9 and 4-18: bits 20:13 are reserved where the entry maps a 2-MByte page
      if (field(pde, 12 + w - 1, 13) !== 0n) reserved("bits 20:13 of a 2-MByte page");
      return leaf(pdAt, pde, 2, path);
    }
    use(pdAt);

    const [ptAt, pte] = fetch(address(pde), 1, path);
    return leaf(ptAt, pte, 1, path);
  }

  /** Read an entry and judge what is common to all levels: P, MAXPHYADDR, XD; under PAE bits 62:MAXPHYADDR. */
  function fetch(table: bigint, level: number, path: bigint[]): [bigint, bigint] {
    const at = table + 8n * slot(level);
    const entry = memory.get(at) ?? 0n;
    if (!bit(entry, 0)) throw new Fault(`level ${level} not present`, false);
    path.push(entry);
    if (field(entry, 51, c.maxphyaddr) !== 0n) reserved(`MAXPHYADDR at level ${level}`);
    if (c.mode === "pae" && field(entry, 62, 52) !== 0n) reserved(`bits 62:52 at level ${level}`);
    if (!c.NXE && bit(entry, 63)) reserved(`XD without NXE at level ${level}`);
    return [at, entry];
  }

  function reserved(why: string): never {
    throw new Fault(`reserved: ${why}`, true, true);
  }

  function address(entry: bigint): bigint {
    return field(entry, 51, 12) << 12n;
  }

  /** 4.8: the accessed flag of an entry that a translation used. */
  function use(at: bigint): void {
    memory.set(at, memory.get(at)! | (1n << 5n));
  }

  function leaf(at: bigint, entry: bigint, level: number, path: bigint[]): PlainOutcome {
    const rights = judge(entry, path);
    use(at);
    if (kind === "w") memory.set(at, memory.get(at)! | (1n << 6n));
    const low = 12 + w * (level - 1);
    const pa = (field(entry, 51, low) << BigInt(low)) + field(la, low - 1, 0);
    return { pa, why: `level ${level}, ${rights}` };
  }

  /** 4.6.1 and 4.6.2. Throws what denies the access; returns what kind of access was permitted. */
  function judge(entry: bigint, path: readonly bigint[]): string {
    const userAddress = path.every((e) => bit(e, 2)); // else a supervisor-mode address
    const writable = path.every((e) => bit(e, 1));
    const disabled = c.NXE && path.some((e) => bit(e, 63));

    // 4.6.2: protection keys, for user-mode addresses, in 4-level and 5-level paging, for data only
    const key = Number(field(entry, 62, 59));
    const AD = bit(c.PKRU, 2 * key);
    const WD = bit(c.PKRU, 2 * key + 1);
    let PK = false;
    if (c.PKE && c.mode !== "pae" && userAddress && kind !== "x") {
      if (AD) PK = true;
      if (WD && kind === "w" && (user || c.WP)) PK = true;
    }
    const deny = (why: string): never => {
      throw new Fault(`denied: ${why}${PK ? ", key" : ""}`, true, false, PK);
    };

    if (!user) {
      // "For supervisor-mode accesses"
      if (kind === "r") {
        if (userAddress && c.SMAP && !c.AC) deny("SMAP read");
      } else if (kind === "w") {
        if (!userAddress) {
          if (c.WP && !writable) deny("WP, supervisor-mode address");
        } else if (!c.WP) {
          if (c.SMAP && !c.AC) deny("SMAP write without WP");
        } else {
          if (c.SMAP && !c.AC) deny("SMAP write");
          if (!writable) deny("WP, user-mode address");
        }
      } else if (!userAddress) {
        if (disabled) deny("XD, supervisor-mode address");
      } else {
        if (c.SMEP) deny("SMEP");
        if (disabled) deny("XD, user-mode address, supervisor");
      }
    } else {
      // "For user-mode accesses"
      if (!userAddress) deny(`user-mode ${kind} of a supervisor-mode address`);
      if (kind === "w" && !writable) deny("user-mode write");
      if (kind === "x" && disabled) deny("XD, user");
    }
    if (PK) deny(`${user ? "user" : "supervisor"} ${kind}`);
    return `${user ? "user" : "supervisor"} ${kind} of a ${userAddress ? "user" : "supervisor"}-mode address`;
  }
}
