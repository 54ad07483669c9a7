/** Who leads and who is there, for the stores of one process. */
import { Watched } from '../../shared/watched.ts';
import type { LeaderSeen, Member } from './store.ts';

export class LeaderBoard {
  readonly #members = new Map<object, { readonly candidate: string; readonly note: string }>();
  readonly #leader = new Watched<LeaderSeen | undefined>(undefined);

  get leader(): LeaderSeen | undefined {
    return this.#leader.value;
  }

  set leader(leader: LeaderSeen | undefined) {
    this.#leader.set(leader);
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
  observe(signal: AbortSignal): AsyncGenerator<LeaderSeen | undefined, void> {
    return this.#leader.values(signal);
  }
}
