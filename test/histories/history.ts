/**
 * A history: clients that create, update, delete, start and stop policies through all controllers, each call with a request_id and
 * repeated with it until there is an answer, while leaders and members of etcd are killed and paused.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { create } from '@bufbuild/protobuf';
import { present } from '../../shared/assert.ts';
import { TriggerSchema, WorkloadSchema } from '../../shared/gen/locum/v1/policy_pb.ts';
import { Prng } from '../../shared/prng.ts';
import { fromConnectError } from '../../shared/rpc/status-details.ts';
import type { ReplicatedCluster } from '../replication/replicated-cluster.ts';
import type { Call } from './checker.ts';

const CLIENTS = 5;
const POLICIES = 3;
const CALLS_OF_A_CLIENT = 40;
/** Between two calls of a client. */
const PAUSE_MS = 60;
/** After this a call's outcome counts as unknown. */
const GIVE_UP_MS = 30_000;
const KINDS = [
  'create',
  'create',
  'update',
  'update',
  'delete',
  'start',
  'start',
  'stop',
  'get',
  'get',
  'get',
] as const;

const workload = create(WorkloadSchema, { kind: { case: 'command', value: { argv: ['/bin/true'] } } });
const trigger = create(TriggerSchema, { kind: { case: 'onDemand', value: {} } });

/** Answers that say what was, in the order in which it was: there is no such policy, or there is one. */
const REFUSALS: ReadonlySet<string> = new Set(['NOT_FOUND', 'ALREADY_EXISTS']);
/** The call was applied before, and the policy is gone since. */
const APPLIED = 'DELETED_SINCE';

type Answer = Pick<Call, 'result' | 'seenValue' | 'seenRuns'>;

export class History {
  readonly #cluster: ReplicatedCluster;
  readonly #prng: Prng;
  /** Names of its own, so that one cluster serves many histories. */
  readonly #name: string;
  readonly calls: Call[] = [];
  readonly faults: string[] = [];

  constructor(cluster: ReplicatedCluster, seed: number) {
    this.#cluster = cluster;
    this.#prng = new Prng(seed);
    this.#name = `h${seed}-${randomUUID().slice(0, 8)}`;
  }

  /** Runs the clients, with one fault after the other beside them, and heals everything in the end. */
  async run(): Promise<void> {
    const clients = Array.from({ length: CLIENTS }, (_, client) => this.#client(client));
    const done = Promise.all(clients).then(() => true);
    while (!(await Promise.race([done, sleep(500 + this.#prng.int(0, 1_000), false)]))) await this.#fault();
    await done;
    await this.#cluster.allControllers();
  }

  async #client(client: number): Promise<void> {
    for (let i = 0; i < CALLS_OF_A_CLIENT; i += 1) {
      const kind = present(this.#prng.pick(KINDS), 'a kind');
      const policy = `${this.#name}-${this.#prng.int(1, POLICIES)}`;
      const value = `${client}-${i}`;
      const sent = Number(process.hrtime.bigint());
      const answer = await this.#untilAnswered(kind, policy, value);
      this.calls.push({ client, sent, done: Number(process.hrtime.bigint()), policy, kind, value, ...answer });
      await sleep(this.#prng.int(0, 2 * PAUSE_MS));
    }
  }

  async #untilAnswered(kind: Call['kind'], policy: string, value: string): Promise<Answer> {
    const requestId = randomUUID();
    const giveUpMs = performance.now() + GIVE_UP_MS;
    for (let tries = 1; performance.now() < giveUpMs; tries += 1) {
      const controller = present(this.#prng.pick(this.#cluster.controllers), 'a controller');
      try {
        return await this.#call(controller, kind, { name: `policies/${policy}`, value, requestId });
      } catch (error) {
        const reason: string = fromConnectError(error)?.reason ?? '';
        if (reason === APPLIED) return ok;
        if (REFUSALS.has(reason)) return tries === 1 ? refused : repeatedAndRefused(kind, reason);
        // The same call again, perhaps through another controller: it is made once however often it arrives.
        await sleep(50);
      }
    }
    return unknown;
  }

  async #call(
    controller: string,
    kind: Call['kind'],
    { name, value, requestId }: { readonly name: string; readonly value: string; readonly requestId: string },
  ): Promise<Answer> {
    const { policies } = this.#cluster.apiOf(controller);
    const options = { timeoutMs: 3_000 };
    const policy = { name, workload, trigger, labels: { value }, maxConcurrentRuns: 1_000 };
    switch (kind) {
      case 'create':
        await policies.createPolicy({ policy, requestId }, options);
        return ok;
      case 'update':
        await policies.updatePolicy({ policy, updateMask: { paths: ['labels'] }, requestId }, options);
        return ok;
      case 'delete':
        await policies.deletePolicy({ name, requestId }, options);
        return ok;
      case 'start':
        await policies.startPolicy({ name, requestId }, options);
        return ok;
      case 'stop':
        await policies.stopPolicy({ name, requestId }, options);
        return ok;
      case 'get': {
        const { policy: found } = await policies.getPolicy({ name }, options);
        return { result: 'ok', seenValue: found?.labels['value'] ?? '', seenRuns: found?.runs.length ?? 0 };
      }
      default:
        return kind satisfies never;
    }
  }

  /** One fault, and its end. */
  async #fault(): Promise<void> {
    const cluster = this.#cluster;
    const member = present(this.#prng.pick(cluster.etcd.members), 'a member');
    const { id } = await cluster.leader();
    const kind = this.#prng.pick(['kill leader', 'pause leader', 'kill member', 'pause member', 'both'] as const);
    this.faults.push(`${kind}`);
    const lastsMs = 300 + this.#prng.int(0, 3_000);
    const leader = cluster.controller(id);
    if (kind === 'kill leader' || kind === 'both') leader.signal('SIGKILL');
    if (kind === 'pause leader') leader.signal('SIGSTOP');
    if (kind === 'kill member' || kind === 'both') await member.kill();
    if (kind === 'pause member') member.pause();
    await sleep(lastsMs);
    if (kind === 'pause leader') leader.signal('SIGCONT');
    if (kind === 'pause member') member.resume();
    if (kind === 'kill member' || kind === 'both') member.start();
    if (!cluster.has(id)) cluster.startController(id);
  }
}

const answer = (result: Call['result']): Answer => ({ result, seenValue: '', seenRuns: 0 });
const ok = answer('ok');
const refused = answer('refused');
const unknown = answer('unknown');

/** An earlier try may have been applied, and the policy deleted since; a call that creates it says so by finding it gone. */
function repeatedAndRefused(kind: Call['kind'], reason: string): Answer {
  if (kind === 'create') return reason === 'NOT_FOUND' ? ok : refused;
  return kind === 'get' ? refused : unknown;
}
