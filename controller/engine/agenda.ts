/**
 * What the shell does later, beside the clock the other half of time: nothing in the engine sets a timer of Node's by itself, so that the
 * simulator can play the same loop and the same committer on a time of its own (docs/simulation.md).
 */

/** Something that was planned. */
export interface Planned {
  /** It does not happen. Does nothing when it has happened. */
  cancel(): void;
}

export interface Agenda {
  /** Once, after so many milliseconds or a little more. */
  after(delayMs: number, act: () => void): Planned;
  /** Again and again; it keeps no process alive. */
  every(periodMs: number, act: () => void): Planned;
  /** At the end of this turn of Node's own loop, when what lies in sockets has been read. */
  atTurnEnd(act: () => void): Planned;
  /** When the running function has returned to Node, before anything else happens. */
  next(act: () => void): void;
}

/** `setTimeout` overflows past this; what is due later than in 24 days may look again then. */
export const MAX_DELAY_MS = 2 ** 31 - 1;

export const systemAgenda: Agenda = {
  after: (delayMs, act) => {
    const timer = setTimeout(act, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
  every: (periodMs, act) => {
    const timer = setInterval(act, periodMs).unref();
    return { cancel: () => clearInterval(timer) };
  },
  atTurnEnd: (act) => {
    const immediate = setImmediate(act);
    return { cancel: () => clearImmediate(immediate) };
  },
  next: (act) => queueMicrotask(act),
};
