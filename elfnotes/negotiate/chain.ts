/** The checks that a guest passes on its way, one after the other, up to the one that refuses it. */

/** Who refuses. */
export type Refuser = "libelf" | "toolstack" | "dom0 builder" | "Xen" | "guest";

export interface Check {
  /** As it is called, with (). */
  readonly function: string;
  /** Of xen.git, or of Linux where `linux/` stands before it. */
  readonly file: string;
  /** What it made of the guest. */
  readonly says: string;
}

export interface Refusal {
  readonly by: Refuser;
  /** As the user sees it. */
  readonly message: string;
}

export class Chain {
  readonly checks: Check[] = [];
  refusal: Refusal | undefined;

  /** A check was passed. */
  pass(at: readonly [func: string, file: string], says: string): void {
    const [func, file] = at;
    this.checks.push({ function: func, file, says });
  }

  /** A check was not; the chain ends. Returns false, for its caller to return. */
  refuse(at: readonly [func: string, file: string], says: string, by: Refuser, message: string): false {
    this.pass(at, says);
    this.refusal = { by, message };
    return false;
  }

  /** For reports: each check with its function. */
  get reason(): string {
    return this.checks.map(({ function: name, says }) => `${name} ${says}`).join("; ");
  }
}
