/** One client of a history: does one thing after the other, repeats what was not answered, and writes down what it was told. */
import { randomUUID } from 'node:crypto';
import { Code, ConnectError } from '@connectrpc/connect';
import { CommandFailure } from '../../cli/exit-codes.ts';
import type { Prng } from '../../shared/prng.ts';
import { fromConnectError } from '../../shared/rpc/status-details.ts';
import type { Api } from '../replication/replicated-cluster.ts';
import { type Answer, KINDS, type Kind, type Operation, type Status } from './history.ts';

/** For one operation with all its repetitions. */
const PATIENCE_MS = 10_000;
/** How many of the changes are sent once more after their answer, as by a client that did not hear it. */
const REPEATED = 0.3;
/** No server has this: runs wait, and end the moment they are told to. */
const UNMET = 'no-server-has-this';
const VALUE_LABEL = 'value';

export interface ClientOptions {
  readonly number: number;
  readonly api: Api;
  /** Ids of the policies it works on. */
  readonly policies: readonly string[];
  readonly prng: Prng;
  readonly signal: AbortSignal;
}

export class HistoryClient {
  readonly operations: Operation[] = [];
  readonly oddities: string[] = [];
  readonly #options: ClientOptions;
  #values = 0;

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  /** Until the signal. */
  async work(): Promise<void> {
    const { prng, policies, signal } = this.#options;
    while (!signal.aborted) {
      const kind = prng.pick(KINDS) ?? 'get';
      await this.#operate(kind, prng.pick(policies) ?? '');
    }
  }

  async #operate(kind: Kind, policy: string): Promise<void> {
    const { number: client, prng } = this.#options;
    this.#values += 1;
    const written = kind === 'create' || kind === 'update' ? `c${client}-${this.#values}` : '';
    const requestId = randomUUID();
    const callNs = nowNs();
    const answer = await this.#ask(kind, policy, written, requestId);
    const returnNs = nowNs();
    this.operations.push({ client, kind, policy, callNs, returnNs, ...answer, value: answer.value ?? written });
    if (answer.status !== 'UNKNOWN' && kind !== 'get' && kind !== 'runs' && prng.chance(REPEATED)) {
      await this.#repeat(kind, policy, written, requestId, answer);
    }
  }

  /** The same request_id must get the same answer, whoever leads now. */
  async #repeat(kind: Kind, policy: string, written: string, requestId: string, first: Answer): Promise<void> {
    // Refusals change nothing, and are not kept.
    if (first.status !== 'OK') return;
    const second = await this.#ask(kind, policy, written, requestId);
    if (second.status === 'UNKNOWN' || JSON.stringify(second) === JSON.stringify(first)) return;
    this.oddities.push(
      `${kind} ${policy}: answered ${JSON.stringify(first)}, then, repeated, ${JSON.stringify(second)}`,
    );
  }

  async #ask(kind: Kind, policy: string, written: string, requestId: string): Promise<Answer> {
    try {
      return await this.#call(kind, policy, written, requestId);
    } catch (error) {
      const { reason, resource = '' } = fromConnectError(error) ?? {};
      // It was carried out at its first try, and then somebody deleted the policy.
      if (reason === 'DELETED_SINCE') return kind === 'start' ? { status: 'OK', runs: [resource] } : { status: 'OK' };
      return { status: this.#statusOf(error, `${kind} ${policy}`) };
    }
  }

  async #call(kind: Kind, policy: string, written: string, requestId: string): Promise<Answer> {
    const { policies, runs } = this.#options.api;
    const name = `policies/${policy}`;
    const options = { timeoutMs: PATIENCE_MS };
    switch (kind) {
      case 'create':
        await policies.createPolicy({ policy: policyOf(name, written), requestId }, options);
        return { status: 'OK' };
      case 'update': {
        const change = { name, labels: { [VALUE_LABEL]: written } };
        await policies.updatePolicy({ policy: change, updateMask: { paths: ['labels'] }, requestId }, options);
        return { status: 'OK' };
      }
      case 'delete':
        await policies.deletePolicy({ name, requestId }, options);
        return { status: 'OK' };
      case 'get': {
        const { policy: found } = await policies.getPolicy({ name }, options);
        return { status: 'OK', value: found?.labels[VALUE_LABEL] ?? '' };
      }
      case 'start': {
        const { run } = await policies.startPolicy({ name, requestId }, options);
        return { status: 'OK', runs: [run?.name ?? ''] };
      }
      case 'stop':
        await policies.stopPolicy({ name, requestId }, options);
        return { status: 'OK' };
      case 'runs': {
        const page = await runs.listRuns({ policy: name, pageSize: 1_000 }, options);
        return { status: 'OK', runs: page.runs.map((run) => run.name) };
      }
    }
  }

  #statusOf(error: unknown, what: string): Status {
    if (error instanceof CommandFailure) return 'UNKNOWN';
    const reason = fromConnectError(error)?.reason;
    if (reason === 'NOT_FOUND' || reason === 'ALREADY_EXISTS' || reason === 'POLICY_DELETING') return reason;
    const { code, message } = ConnectError.from(error);
    if (code === Code.Unavailable || code === Code.DeadlineExceeded) return 'UNKNOWN';
    this.oddities.push(`${what}: ${message} [${reason ?? Code[code]}]`);
    return 'UNKNOWN';
  }
}

function policyOf(name: string, value: string) {
  return {
    name,
    labels: { [VALUE_LABEL]: value },
    trigger: { kind: { case: 'onDemand' as const, value: {} } },
    maxConcurrentRuns: 1_000,
    requirements: [UNMET],
    workload: { kind: { case: 'command' as const, value: { argv: ['true'] } } },
  };
}

const nowNs = (): number => Number(process.hrtime.bigint());
