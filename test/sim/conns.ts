/** The streams of agents at a controller, by their handles. */
import type { ConnId } from '../../controller/core/records/state.ts';
import type { AgentEnd, Conn } from './agent-conn.ts';
import type { Stream } from './network.ts';

export class Conns {
  readonly #conns = new Map<ConnId, Conn>();
  readonly #ids = new Map<Stream, ConnId>();
  #last = 0;

  open(stream: Stream, end: AgentEnd): ConnId {
    this.#last += 1;
    this.#conns.set(this.#last, { stream, end, hello: undefined, parts: [] });
    this.#ids.set(stream, this.#last);
    return this.#last;
  }

  get(conn: ConnId): Conn | undefined {
    return this.#conns.get(conn);
  }

  idOf(stream: Stream): ConnId | undefined {
    return this.#ids.get(stream);
  }

  forget(conn: ConnId): void {
    const known = this.#conns.get(conn);
    if (known !== undefined) this.#ids.delete(known.stream);
    this.#conns.delete(conn);
  }

  /** Those that were let in by such a root. */
  whose(isMeant: (end: AgentEnd) => boolean): readonly (readonly [ConnId, Conn])[] {
    return [...this.#conns].filter(([, { end }]) => isMeant(end));
  }

  /** After what was sent on them. */
  closeAll(reason: string): void {
    for (const { stream } of this.#conns.values()) stream.closeByController(reason);
    this.#clear();
  }

  /** Without a word to anybody. */
  loseAll(): void {
    for (const { stream } of this.#conns.values()) stream.loseController();
    this.#clear();
  }

  #clear(): void {
    this.#conns.clear();
    this.#ids.clear();
  }
}
