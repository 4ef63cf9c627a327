/**
 * Input that cannot be used: a damaged recording, a truncated image, a wrong YAML, an absurd number.
 *
 * It lives in the room that everyone may import; it crosses no guest/Xen line. The command line
 * prints the message and leaves with exit status 2; nothing half-written stays behind.
 */
export class BadInput extends Error {
  override readonly name = "BadInput";

  /**
   * `what` says what is wrong, `place` where in the file (a line, an offset, a key), `remedy` what to do.
   *
   *     t.perf.txt.gz: line 31: cut short before the event name; record again, or leave out --strict
   */
  constructor(
    readonly file: string,
    readonly place: string,
    readonly what: string,
    readonly remedy: string,
  ) {
    super(`${file}: ${place === "" ? "" : `${place}: `}${what}; ${remedy}`);
  }
}
