/** Who leads and who is there, for the stores of one process. */
import type { LeaderSeen, Member } from './store.ts';

export class LeaderBoard {
  readonly #members = new Map<object, { readonly candidate: string; readonly note: string }>();
  #leader: LeaderSeen | undefined;
  #changed = Promise.withResolvers<void>();

  get leader(): LeaderSeen | undefined {
    return this.#leader;
  }

  set leader(leader: LeaderSeen | undefined) {
    this.#leader = leader;
    const before = this.#changed;
    this.#changed = Promise.withResolvers<void>();
    before.resolve();
  }

  /** All are in this process, so none is ever silent. */
  get members(): readonly Member[] {
    return Array.from(this.#members.values(), (member) => ({ ...member, silentMs: 0 }));
  }

  join(handle: object, candidate: string): void {
    this.#members.set(handle, { candidate, note: '' });
  }

  note(handle: object, note: string): void {
    const member = this.#members.get(handle);
    if (member !== undefined) this.#members.set(handle, { ...member, note });
  }

  part(handle: object): void {
    this.#members.delete(handle);
  }

  /** See `Store.observe`. */
  async *observe(signal: AbortSignal): AsyncGenerator<LeaderSeen | undefined, void> {
    const stopped = Promise.withResolvers<void>();
    signal.addEventListener('abort', () => stopped.resolve(), { once: true });
    while (!signal.aborted) {
      const changed = this.#changed.promise;
      yield this.#leader;
      await Promise.race([changed, stopped.promise]);
    }
  }
}
