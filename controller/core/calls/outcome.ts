/** What a call's handler answers, and the checks that several of them share. */
import { etagMismatch, notFound } from '../../../shared/errors.ts';
import type { PolicyId, PoolId, RunId, ServerId, Uid } from '../../../shared/ids.ts';
import type { Call, CallValue, MovePlan } from '../cluster/event.ts';
import type { View } from '../cluster/turn.ts';
import { etagOf } from '../records/etag.ts';
import type { Policy, Pool, Run, Server } from '../records/state.ts';

export interface Outcome {
  /** Full name of the resource that the answer is about. */
  readonly resource: string;
  readonly value: CallValue;
}

export type CallOf<K extends Call['kind']> = Extract<Call, { readonly kind: K }>;

export const EMPTY_PLAN: MovePlan = { moves: [], stays: [] };

export function knownPool({ state }: View, id: PoolId): Pool {
  const pool = state.pools.get(id);
  if (pool === undefined) throw notFound(`pools/${id}`);
  return pool;
}

export function knownServer({ state }: View, id: ServerId): Server {
  const server = state.servers.get(id);
  if (server === undefined) throw notFound(`servers/${id}`);
  return server;
}

export function knownPolicy({ state }: View, id: PolicyId): Policy {
  const policy = state.policies.get(id);
  if (policy === undefined) throw notFound(`policies/${id}`);
  return policy;
}

export function knownRun({ state }: View, id: RunId): Run {
  const run = state.runs.get(id);
  if (run === undefined) throw notFound(`runs/${id}`);
  return run;
}

/** An empty etag is not compared. */
export function checkEtag(
  etag: string,
  record: { readonly uid: Uid; readonly version: number },
  resource: string,
): void {
  if (etag !== '' && etag !== etagOf(record)) throw etagMismatch(resource);
}

export const poolOutcome = (pool: Pool): Outcome => ({ resource: `pools/${pool.id}`, value: { kind: 'pool', pool } });

export const serverOutcome = (
  server: Server,
  plan: MovePlan = EMPTY_PLAN,
  runs: readonly RunId[] = [],
  more: Pick<Extract<CallValue, { readonly kind: 'server' }>, 'starts'> = {},
): Outcome => ({ resource: `servers/${server.id}`, value: { kind: 'server', server, plan, runs, ...more } });

export const policyOutcome = (
  policy: Policy,
  warnings: readonly string[] = [],
  change: Pick<Extract<CallValue, { readonly kind: 'policy' }>, 'before' | 'effects'> = {},
): Outcome => ({ resource: `policies/${policy.id}`, value: { kind: 'policy', policy, warnings, ...change } });

export const runOutcome = (run: Run): Outcome => ({ resource: `runs/${run.id}`, value: { kind: 'run', run } });

export const goneOutcome = (name: string): Outcome => ({ resource: name, value: { kind: 'gone', name } });
