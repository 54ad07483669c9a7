/** The performer of what the core asks of the keeper: opens the connection, asks, and turns answers into events. */
import { unreachable } from '../shared/assert.ts';
import { EndCause } from '../shared/gen/locum/v1/run_pb.ts';
import type { Logger } from '../shared/log.ts';
import { refToMessage } from './attempt-codec.ts';
import type { KeeperRequest } from './core/effect.ts';
import type { Event, RequestId } from './core/event.ts';
import { connectKeeper, type KeeperConnection, type KeeperEvent } from './keeper/client.ts';
import { ensureKeeper, type SpawnKeeperOptions } from './keeper/launch.ts';
import { decodeKept, decodeOpened, decodeOutput, decodeResult, encodeExtension, encodeStart } from './keeper-codec.ts';

export interface KeeperLinkOptions {
  readonly stateDir: string;
  readonly agentVersion: string;
  /** How a keeper is started; for tests and packages. Default: `locum keeper`. */
  readonly spawn: SpawnKeeperOptions;
  /** Environment below each workload's own. */
  readonly baseEnv: Readonly<Record<string, string>>;
  readonly log: Logger;
  readonly onEvent: (event: Event) => void;
}

export class KeeperLink {
  private readonly options: KeeperLinkOptions;
  private connection: KeeperConnection | undefined;
  private closed = false;

  constructor(options: KeeperLinkOptions) {
    this.options = options;
  }

  /** Answers with keeper_opened or keeper_closed, and with keeper_closed once more when an open connection ends. */
  open(mayStart: boolean): void {
    void this.connect(mayStart).catch((error: unknown) => {
      const detail = error instanceof Error ? error.message : String(error);
      this.say({ kind: 'keeper_closed', detail });
    });
  }

  private async connect(mayStart: boolean): Promise<void> {
    const { stateDir, agentVersion, spawn } = this.options;
    const onEvent = (event: KeeperEvent): void => this.hear(connection, event);
    const options = { stateDir, agentVersion, onEvent };
    const connection: KeeperConnection = await (mayStart
      ? ensureKeeper({ ...spawn, ...options })
      : connectKeeper(options));
    if (this.closed) {
      connection.close();
      return;
    }
    this.connection = connection;
    this.say(decodeOpened(connection.opened));
  }

  private hear(connection: KeeperConnection, event: KeeperEvent): void {
    if (this.connection !== connection) return;
    switch (event.kind) {
      case 'changed':
        for (const attempt of decodeKept(event.attempt)) this.say({ kind: 'keeper_changed', attempt });
        break;
      case 'leaving':
        this.say({ kind: 'keeper_leaving', withinMs: event.withinMs });
        break;
      case 'closed':
        this.connection = undefined;
        this.say({ kind: 'keeper_closed', detail: event.detail });
        break;
      default:
        unreachable(event);
    }
  }

  /** Asks over the open connection. What is asked while there is none is lost, as keeper_closed tells the core. */
  ask(request: RequestId, ask: KeeperRequest): void {
    const { connection } = this;
    if (connection === undefined) return;
    void this.answer(connection, request, ask).catch((error: unknown) => {
      this.options.log.error({ err: error }, 'a request to the keeper failed');
    });
  }

  private async answer(connection: KeeperConnection, request: RequestId, ask: KeeperRequest): Promise<void> {
    const event = await this.request(connection, request, ask);
    // Answers of a connection that has ended are not the keeper's: keeper_closed says that nothing is known of them.
    if (event !== undefined && this.connection === connection) this.say(event);
  }

  private async request(
    connection: KeeperConnection,
    request: RequestId,
    ask: KeeperRequest,
  ): Promise<Event | undefined> {
    switch (ask.kind) {
      case 'start':
        return decodeUnlessGone(request, await connection.start(encodeStart(ask, this.options.baseEnv)));
      case 'extend':
        return decodeUnlessGone(request, await connection.extend({ extensions: ask.extensions.map(encodeExtension) }));
      case 'stop': {
        const { attempt, cause, reason } = ask;
        const stop = { ...refToMessage(attempt), cause: EndCause[cause], reason };
        return decodeUnlessGone(request, await connection.stop(stop));
      }
      case 'forget':
        return decodeUnlessGone(request, await connection.forget({ attempts: ask.attempts.map(refToMessage) }));
      case 'exit':
        return decodeUnlessGone(request, await connection.exit({ stopAll: ask.stopAll }));
      case 'ping':
        return (await connection.ping({ highestTerm: ask.highestTerm })) ? { kind: 'keeper_pong' } : undefined;
      case 'read': {
        const { attempt, offset, limit } = ask;
        const read = { ...refToMessage(attempt), offset: BigInt(offset), limit };
        return decodeOutput(request, await connection.read(read));
      }
      default:
        return unreachable(ask);
    }
  }

  private say(event: Event): void {
    if (!this.closed) this.options.onEvent(event);
  }

  /** Ends the connection without a word; what the keeper holds goes on. */
  close(): void {
    this.closed = true;
    this.connection?.close();
    this.connection = undefined;
  }

  /** Drops a connection to a keeper that is dead or silent, so that a late word of it is not heard. */
  drop(): void {
    this.connection?.close();
    this.connection = undefined;
  }
}

/** The client answers for a keeper that is gone; whether the request was done is not known, and the next table tells. */
function decodeUnlessGone(request: RequestId, result: Parameters<typeof decodeResult>[1]): Event | undefined {
  return result.reason === 'KEEPER_GONE' ? undefined : decodeResult(request, result);
}
