/** A bar on stderr for work that takes more than a second; nothing where stderr is no terminal. */
import { SingleBar } from "cli-progress";

export interface Progress {
  update(done: number): void;
  stop(): void;
}

const DELAY_MS = 1000;

/** Show `done` of `total`; `what` names the things that are counted. */
export function progressOn(
  what: string,
  total: number,
  stream: NodeJS.WriteStream = process.stderr,
): Progress {
  if (!stream.isTTY) return { update() {}, stop() {} };
  const bar = new SingleBar({
    format: `{bar} {value} of {total} ${what}`,
    stream,
    clearOnComplete: true,
    hideCursor: true,
  });
  let done = 0;
  let shown = false;
  const timer = setTimeout(() => {
    shown = true;
    bar.start(total, done);
  }, DELAY_MS);
  return {
    update(now) {
      done = now;
      if (shown) bar.update(now);
    },
    stop() {
      clearTimeout(timer);
      if (shown) bar.stop();
    },
  };
}
