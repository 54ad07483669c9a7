/** The connections of a listener: who has a place, who is idle, and who has to go. */
import type { ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';
import { peerNetwork } from './caller-address.ts';
import { ConnectionTable, type PeerConnection } from './connection-table.ts';
import type { HttpHandler, HttpRequest, HttpResponse } from './http-handler.ts';
import type { ListenerLimits } from './listener-limits.ts';

/** A session that has to go gets this time for what it was just about to send: it is told by GOAWAY that none of it was begun. */
const GOODBYE_MS = 1_000;

class Place implements PeerConnection {
  readonly peer: string;
  readonly socket: Socket;
  session: ServerHttp2Session | undefined;
  isReserve = false;
  /** It speaks no TLS where that is wanted. */
  isPlain = false;
  /** Undefined: it has not been begun, and can do nothing about it. */
  #idleSinceMono: number | undefined;
  #underWay = 0;

  constructor(socket: Socket) {
    this.socket = socket;
    this.peer = peerNetwork(socket.remoteAddress ?? '');
  }

  get idleSinceMono(): number | undefined {
    return this.#underWay === 0 ? this.#idleSinceMono : undefined;
  }

  begun(): void {
    this.#idleSinceMono = performance.now();
  }

  begin(response: HttpResponse): void {
    this.#underWay += 1;
    response.once('close', () => {
      this.#underWay -= 1;
      this.#idleSinceMono = performance.now();
    });
  }

  end(): void {
    if (this.session === undefined || this.session.destroyed) {
      this.socket.destroySoon();
      return;
    }
    this.session.close();
    setTimeout(() => this.socket.destroy(), GOODBYE_MS).unref();
  }
}

export class ListenerPlaces {
  readonly #table: ConnectionTable<Place>;
  readonly #bySocket = new Map<Socket, Place>();
  /** What is spoken through TLS on one of them. */
  readonly #bySecured = new WeakMap<Socket, Place>();
  readonly #bySession = new WeakMap<ServerHttp2Session, Place>();
  readonly #sweep: NodeJS.Timeout;

  constructor({ maxConnections, reservedConnections, idleSessionMs }: ListenerLimits) {
    this.#table = new ConnectionTable({ places: maxConnections, reserve: reservedConnections });
    this.#sweep = setInterval(() => this.#endIdle(idleSessionMs), Math.max(10, idleSessionMs / 4)).unref();
  }

  /** All that are open. */
  get sockets(): Iterable<Socket> {
    return this.#bySocket.keys();
  }

  get sessions(): readonly ServerHttp2Session[] {
    return [...this.#bySocket.values()].flatMap(({ session }) => (session === undefined ? [] : [session]));
  }

  add(socket: Socket): void {
    const place = new Place(socket);
    this.#bySocket.set(socket, place);
    socket.once('close', () => {
      this.#bySocket.delete(socket);
      this.#table.delete(place);
    });
    const { place: kind, evicted } = this.#table.admit(place);
    place.isReserve = kind === 'reserve';
    evicted?.end();
  }

  /** It is read from now on; before, it waits for its turn, and is not idle. */
  begun(socket: Socket): void {
    this.#bySocket.get(socket)?.begun();
  }

  /** TLS is spoken there, and `secured` is what is inside. */
  addSecured(socket: Socket, secured: Socket): void {
    const place = this.#bySocket.get(socket);
    if (place !== undefined) this.#bySecured.set(secured, place);
  }

  /** Ends what is spoken there, after what is under way, or in a second. */
  endSecured(secured: Socket): void {
    this.#bySecured.get(secured)?.end();
  }

  /** No TLS is spoken there, where it is wanted. */
  addPlain(socket: Socket): void {
    const place = this.#bySocket.get(socket);
    if (place !== undefined) place.isPlain = true;
  }

  /** HTTP/2 is spoken there. */
  addSession(socket: Socket, session: ServerHttp2Session): void {
    const place = this.#on(socket);
    if (place === undefined) return;
    place.session = session;
    this.#bySession.set(session, place);
  }

  /**
   * Counts the requests of each connection. Those that have no regular place go to `whenFull`, those without TLS to `whenPlain`; both are the
   * last of their connection.
   */
  counted(serve: HttpHandler, whenFull: HttpHandler, whenPlain: HttpHandler): HttpHandler {
    return (request, response) => {
      const place = this.#placeOf(request);
      place?.begin(response);
      if (place === undefined || (!place.isReserve && !place.isPlain)) return serve(request, response);
      response.once('close', () => place.end());
      (place.isPlain ? whenPlain : whenFull)(request, response);
    };
  }

  end(): void {
    clearInterval(this.#sweep);
  }

  #placeOf(request: HttpRequest): Place | undefined {
    if (!('stream' in request)) return this.#on(request.socket);
    const { session } = request.stream;
    return session === undefined ? undefined : this.#bySession.get(session as ServerHttp2Session);
  }

  #on(socket: Socket): Place | undefined {
    return this.#bySocket.get(socket) ?? this.#bySecured.get(socket);
  }

  #endIdle(idleMs: number): void {
    const now = performance.now();
    for (const place of this.#table.regular) {
      // Node itself closes connections of HTTP/1.1 that are idle.
      const { session, idleSinceMono } = place;
      if (session !== undefined && !session.closed && now - (idleSinceMono ?? now) >= idleMs) place.end();
    }
  }
}
