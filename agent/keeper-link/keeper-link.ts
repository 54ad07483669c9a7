/** The performer of what the core asks of the keeper: opens the connection, asks, and turns answers into events. */
import { setTimeout as sleep } from 'node:timers/promises';
import { unreachable } from '../../shared/assert.ts';
import { messageOf } from '../../shared/caught-error.ts';
import { refToProto } from '../../shared/codec/attempt.ts';
import type { DiskLane } from '../../shared/disk-lane.ts';
import { EndCause } from '../../shared/gen/locum/v1/run_pb.ts';
import { findCgroupPlace } from '../../shared/host/cgroup.ts';
import { killProcess } from '../../shared/host/kill-process.ts';
import type { FirstProcess } from '../../shared/host/tree.ts';
import type { HostProblem } from '../../shared/host-problem.ts';
import { readKeeperRecord } from '../../shared/keeper/keeper-record.ts';
import type { RuntimeFolder } from '../../shared/keeper/runtime-folder.ts';
import { stateKeyOf } from '../../shared/keeper/state-key.ts';
import type { Logger } from '../../shared/log.ts';
import type { AttemptRef } from '../../shared/protocol/attempt.ts';
import { hostProblemsFromProto } from '../../shared/rpc/host-problem-messages.ts';
import { toDuration, toTimestamp } from '../../shared/rpc/time-messages.ts';
import type { SecretSettings } from '../config.ts';
import type { KeeperRequest, LeftTree } from '../core/effect.ts';
import type { Event, RequestId } from '../core/event.ts';
import type { CheckOutcome } from '../core/health.ts';
import { KEEPER_SILENT_MS } from '../core/keeper.ts';
import { connectKeeper, type KeeperConnection, type KeeperEvent } from './client.ts';
import { findKeeper, KeeperUnreachableError } from './find-keeper.ts';
import { decodeKept, decodeOpened, decodeOutput, decodeResult, encodeExtension, encodeStart } from './keeper-codec.ts';
import { identityOf, killTrees, type TreeMarks } from './kill-trees.ts';
import { ensureKeeper, type SpawnKeeperOptions } from './launch.ts';

/** How long the last answers may take when the agent ends. */
const LAST_ANSWERS_MS = 500;

export interface KeeperLinkOwner {
  post(event: Event): void;
  /** Takes all problems that the keeper finds with the host. */
  takeProblems(problems: readonly HostProblem[]): void;
  /**
   * Waits, a bounded time, until what is known of the leader is durable. Answers with what is in the way; undefined: it is. Starts
   * wait for it, and nothing else does.
   */
  durable(): Promise<HostProblem | undefined>;
}

export interface KeeperLinkOptions {
  readonly stateDir: string;
  readonly agentVersion: string;
  /** What is known of it without its disk. */
  readonly memory: RuntimeFolder | undefined;
  /** To its disk: bounds every wait. */
  readonly lane: DiskLane;
  /** How a keeper is started; for tests and packages. Default: `locum keeper`. Undefined: somebody else starts it. */
  readonly spawn: SpawnKeeperOptions | undefined;
  /** Environment below each workload's own. */
  readonly baseEnv: Readonly<Record<string, string>>;
  readonly secrets: SecretSettings;
  readonly log: Logger;
  readonly owner: KeeperLinkOwner;
}

export class KeeperLink {
  readonly #options: KeeperLinkOptions;
  #connection: KeeperConnection | undefined;
  /** The process at the other end of the newest connection, also after that has ended. */
  #process: FirstProcess | undefined;
  readonly #asked = new Set<Promise<void>>();
  #closed = false;
  /** Read at the start, so that a kill asks no disk. */
  #marks: TreeMarks;

  constructor(options: KeeperLinkOptions) {
    this.#options = options;
    this.#marks = { key: '', mount: findCgroupPlace()?.mount ?? '' };
  }

  /** Answers with keeper_opened or keeper_closed, and with keeper_closed once more when an open connection ends. */
  open(mayStart: boolean): void {
    void this.#connect(mayStart).catch((error: unknown) => {
      const detail = messageOf(error);
      this.#say({ kind: 'keeper_closed', detail });
    });
  }

  async #connect(mayStart: boolean): Promise<void> {
    const connection: KeeperConnection = await this.#reach(mayStart, (event) => this.#hear(connection, event));
    if (this.#closed) {
      connection.close();
      return;
    }
    try {
      // While the connection is open, its number is not another's.
      this.#process = identityOf(connection.opened.keeperPid);
    } catch (error) {
      connection.close();
      throw error;
    }
    this.#connection = connection;
    this.#learnKey();
    this.#options.owner.takeProblems(hostProblemsFromProto(connection.opened.hostProblems) ?? []);
    this.#say(decodeOpened(connection.opened));
  }

  /** By what trees without a cgroup are known: from memory, or else, not waited for, from the disk. */
  #learnKey(): void {
    const { memory, stateDir, lane } = this.#options;
    const key = readKeeperRecord(memory)?.key;
    if (key !== undefined) this.#marks = { ...this.#marks, key };
    else
      void lane
        .run(() => stateKeyOf(stateDir))
        .then(
          (read) => {
            this.#marks = { ...this.#marks, key: read };
          },
          () => undefined,
        );
  }

  /**
   * A7, A9: a keeper that takes connections and says nothing keeps nothing. Where a new one may be started, it is killed first, and
   * the new one kills what it left.
   */
  async #reach(mayStart: boolean, tell: (event: KeeperEvent) => void): Promise<KeeperConnection> {
    const { stateDir, agentVersion, spawn, log, lane } = this.#options;
    const options = { stateDir, agentVersion, tell, lane };
    try {
      return await connectKeeper({ ...options, timeoutMs: KEEPER_SILENT_MS });
    } catch (error) {
      if (!mayStart) throw error;
      const isHung = error instanceof KeeperUnreachableError && error.isSilent;
      const hung = isHung ? await findKeeper(options) : undefined;
      if (hung !== undefined) {
        log.error({ keeperPid: hung.pid }, 'the keeper does not answer: killing it and what it keeps');
        await killProcess(hung);
      }
      if (spawn === undefined)
        throw new Error(`${messageOf(error)}; this agent starts none (--external-keeper)`, { cause: error });
      return ensureKeeper({ ...spawn, ...options });
    }
  }

  #hear(connection: KeeperConnection, event: KeeperEvent): void {
    if (this.#connection !== connection) return;
    switch (event.kind) {
      case 'changed':
        for (const attempt of decodeKept(event.attempt)) this.#say({ kind: 'keeper_changed', attempt });
        break;
      case 'host_problems':
        this.#options.owner.takeProblems(event.problems);
        break;
      case 'leaving':
        this.#say({ kind: 'keeper_leaving', withinMs: event.withinMs });
        break;
      case 'closed':
        this.#connection = undefined;
        this.#say({ kind: 'keeper_closed', detail: event.detail });
        break;
      default:
        unreachable(event);
    }
  }

  /** Asks over the open connection. What is asked while there is none is lost, as keeper_closed tells the core. */
  ask(request: RequestId, ask: KeeperRequest): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    const answered = this.#answer(connection, request, ask)
      .catch((error: unknown) => this.#options.log.error({ err: error }, 'a request to the keeper failed'))
      .finally(() => this.#asked.delete(answered));
    this.#asked.add(answered);
  }

  async #answer(connection: KeeperConnection, request: RequestId, ask: KeeperRequest): Promise<void> {
    const event = await this.#request(connection, request, ask);
    // Answers of a connection that has ended are not the keeper's: keeper_closed says that nothing is known of them.
    if (event !== undefined && this.#connection === connection) this.#say(event);
  }

  async #request(connection: KeeperConnection, request: RequestId, ask: KeeperRequest): Promise<Event | undefined> {
    switch (ask.kind) {
      case 'start':
        return this.#start(connection, request, ask);
      case 'extend':
        return decodeUnlessGone(request, await connection.extend({ extensions: ask.extensions.map(encodeExtension) }));
      case 'stop': {
        const { attempt, cause, reason } = ask;
        const stop = { ...refToProto(attempt), cause: EndCause[cause], reason };
        return decodeUnlessGone(request, await connection.stop(stop));
      }
      case 'forget':
        return decodeUnlessGone(request, await connection.forget({ attempts: ask.attempts.map(refToProto) }));
      case 'exit':
        return decodeUnlessGone(request, await connection.exit({ stopAll: ask.stopAll, forget: ask.forget }));
      case 'ping':
        return (await connection.ping({ highestTerm: ask.highestTerm })) ? { kind: 'keeper_pong' } : undefined;
      case 'read': {
        const { attempt, offset, limit, sinceWall } = ask;
        const since = sinceWall === undefined ? {} : { sinceTime: toTimestamp(sinceWall) };
        const read = { ...refToProto(attempt), offset: BigInt(offset), limit, ...since };
        return decodeOutput(request, await connection.read(read));
      }
      default:
        return unreachable(ask);
    }
  }

  /** A keeper or agent that comes later must know of the leader that this is for: until the disk has that, nothing starts. */
  async #start(
    connection: KeeperConnection,
    request: RequestId,
    ask: Extract<KeeperRequest, { kind: 'start' }>,
  ): Promise<Event | undefined> {
    const problem = await this.#options.owner.durable();
    if (problem === undefined)
      return decodeUnlessGone(
        request,
        await connection.start(encodeStart(ask, this.#options.baseEnv, this.#options.secrets)),
      );
    // It spends the epoch (semantics: A3).
    void connection.stop({ ...refToProto(ask.command), cause: EndCause.STOPPED, reason: problem.detail });
    return {
      ...{ kind: 'keeper_result', request, ok: false, pid: 0, refused: [] },
      ...{ reason: problem.kind, detail: problem.detail },
    };
  }

  /** Runs a program in the place of an attempt. A keeper that is not there, or is older than such checks, says nothing by that. */
  async check({ run, epoch }: AttemptRef, argv: readonly string[], timeoutMs: number): Promise<CheckOutcome> {
    const connection = this.#connection;
    if (connection === undefined) return { kind: 'UNKNOWN' };
    const timeout = toDuration(timeoutMs);
    const { ok, reason, detail } = await connection.check({ ...refToProto({ run, epoch }), argv: [...argv], timeout });
    if (ok) return { kind: 'SUCCEEDED' };
    return reason === 'FAILED' ? { kind: 'FAILED', detail } : { kind: 'UNKNOWN' };
  }

  #say(event: Event): void {
    if (!this.#closed) this.#options.owner.post(event);
  }

  /** Ends the connection once what was asked is answered; what the keeper holds goes on. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.race([Promise.all(this.#asked), sleep(LAST_ANSWERS_MS, undefined, { ref: false })]);
    this.#connection?.close();
    this.#connection = undefined;
  }

  /** A9: the keeper is dead or silent. A late word of it is not heard; it and the trees are killed. Answers with trees_killed. */
  killTrees(trees: readonly LeftTree[]): void {
    this.#connection?.close();
    this.#connection = undefined;
    void killTrees(this.#marks, this.#process, trees).then(
      (event) => this.#say(event),
      (error: unknown) => {
        this.#options.log.error({ err: error }, 'killing the trees of a dead keeper failed');
        // Nothing is proven; the next keeper kills what is left before it answers.
        this.#say({ kind: 'trees_killed', killed: [], left: trees.map(({ run, epoch }) => ({ run, epoch })) });
      },
    );
  }
}

/** The client answers for a keeper that is gone; whether the request was done is not known, and the next table tells. */
function decodeUnlessGone(request: RequestId, result: Parameters<typeof decodeResult>[1]): Event | undefined {
  return result.reason === 'KEEPER_GONE' ? undefined : decodeResult(request, result);
}
