/**
 * Who has a place at a listener, when there are more connections than places. Nobody is locked out by a peer that opens many: a new
 * connection takes the place of one that does nothing, longest first, or of one of a peer that has more than its share. What is left
 * without a place gets one in the reserve, where only health is answered. Pure.
 * Source: max-min fairness (Bertsekas, Gallager, "Data Networks", section 6.5.2).
 */

/** A connection, as far as places go. */
export interface PeerConnection {
  /** Address of the other end, without a port. */
  readonly peer: string;
  /** Since when nothing is under way on it, in milliseconds of a monotonic clock; undefined: something is. */
  readonly idleSinceMono: number | undefined;
}

/** Where a new connection stands, and which one has to go for it. */
export interface Admission<Connection> {
  readonly place: 'regular' | 'reserve';
  readonly evicted: Connection | undefined;
}

export class ConnectionTable<Connection extends PeerConnection> {
  readonly #places: number;
  readonly #reserve: number;
  /** Oldest first. */
  readonly #regular = new Set<Connection>();
  readonly #reserved = new Set<Connection>();
  readonly #perPeer = new Map<string, number>();

  /** `reserve`: connections without a place that are served health; of more the oldest goes. */
  constructor({ places, reserve }: { readonly places: number; readonly reserve: number }) {
    this.#places = places;
    this.#reserve = reserve;
  }

  /** Those with a place, oldest first. */
  get regular(): Iterable<Connection> {
    return this.#regular;
  }

  /** Those of one peer that have a place. */
  ofPeer(peer: string): number {
    return this.#perPeer.get(peer) ?? 0;
  }

  /** The evicted one has left the table already; its caller closes it. */
  admit(connection: Connection): Admission<Connection> {
    if (this.#regular.size < this.#places) {
      this.#add(connection);
      return { place: 'regular', evicted: undefined };
    }
    const evicted = this.#victimFor(connection.peer);
    if (evicted !== undefined) {
      this.delete(evicted);
      this.#add(connection);
      return { place: 'regular', evicted };
    }
    const [oldest] = this.#reserved.size < this.#reserve ? [] : this.#reserved;
    if (oldest !== undefined) this.#reserved.delete(oldest);
    this.#reserved.add(connection);
    return { place: 'reserve', evicted: oldest };
  }

  /** It is closed. */
  delete(connection: Connection): void {
    this.#reserved.delete(connection);
    if (!this.#regular.delete(connection)) return;
    const left = this.ofPeer(connection.peer) - 1;
    if (left > 0) this.#perPeer.set(connection.peer, left);
    else this.#perPeer.delete(connection.peer);
  }

  #add(connection: Connection): void {
    this.#regular.add(connection);
    this.#perPeer.set(connection.peer, this.ofPeer(connection.peer) + 1);
  }

  /** An idle one of a peer that has at least as many; else the oldest of one that would still have more afterwards. */
  #victimFor(peer: string): Connection | undefined {
    const has = this.ofPeer(peer);
    let idle: Connection | undefined;
    let busy: Connection | undefined;
    for (const one of this.#regular) {
      const others = this.ofPeer(one.peer);
      if (one.idleSinceMono === undefined) {
        if (others > has + 1 && others > (busy === undefined ? 0 : this.ofPeer(busy.peer))) busy = one;
      } else if (others >= has && one.idleSinceMono < (idle?.idleSinceMono ?? Number.POSITIVE_INFINITY)) idle = one;
    }
    return idle ?? busy;
  }
}
