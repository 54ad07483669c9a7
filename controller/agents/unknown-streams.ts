/** Streams on which nobody has said Hello yet: they have a bound of their own, shared between addresses, so that they take no place of agents. */
import { networkOfPeer } from '../../shared/rpc/caller-address.ts';
import { ConnectionTable, type PeerConnection } from '../../shared/rpc/connection-table.ts';
import type { AgentStream } from './agent-stream.ts';

class Unknown implements PeerConnection {
  readonly stream: AgentStream;
  readonly peer: string;
  /** Never idle: then an address with more than its share makes room, and nobody else. */
  readonly idleSinceMono = undefined;

  constructor(stream: AgentStream) {
    this.stream = stream;
    this.peer = networkOfPeer(stream.peer);
  }
}

export class UnknownStreams {
  readonly #table: ConnectionTable<Unknown>;
  readonly #entries = new Map<AgentStream, Unknown>();

  constructor(places: number) {
    this.#table = new ConnectionTable({ places, reserve: 0 });
  }

  /** Which stream has to go for it: the oldest of an address with more than its share, or else itself. Undefined: none. */
  admit(stream: AgentStream): AgentStream | undefined {
    const entry = new Unknown(stream);
    this.#entries.set(stream, entry);
    const { place, evicted } = this.#table.admit(entry);
    return place === 'reserve' ? stream : evicted?.stream;
  }

  /** It said Hello, or is over. */
  delete(stream: AgentStream): void {
    const entry = this.#entries.get(stream);
    if (entry === undefined) return;
    this.#entries.delete(stream);
    this.#table.delete(entry);
  }
}
