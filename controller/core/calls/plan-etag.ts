/**
 * What a call would do, as one word: a dry run answers with it, and the call itself, given the word, does exactly that or nothing. It is
 * made from what is decided (which values, which runs, from where to where), not from sentences and not from what passes with time, and
 * it holds for the next leader too.
 */
import { sha256 } from '../../../shared/sha256.ts';
import type { Call, CallValue, MovePlan } from '../cluster/event.ts';
import { runsOf } from '../cluster/run-lists.ts';
import type { View } from '../cluster/turn.ts';
import type { AccessRecord } from '../records/access-record.ts';
import type { Policy, Pool, Run, Server } from '../records/state.ts';
import { currentAttempt } from '../runs/attempt.ts';
import type { Outcome } from './outcome.ts';

const DIGITS = 16;

/** `outcome`: what the call answers when it is only tried. */
export function planEtagOf(view: View, request: Call, { resource, value }: Outcome): string {
  return sha256(sortedText([...facts(request, resource), decided(view, request, value)])).slice(0, DIGITS);
}

/** What was asked for, of which. A token gets its name and its proof anew at each try. */
function facts(request: Call, resource: string): readonly unknown[] {
  if (request.kind === 'create_token') {
    const { holder, roles, ttlMs } = request.token;
    return [request.kind, holder, roles, ttlMs];
  }
  if (request.kind === 'create_join_token') {
    const { kind, server, serverPattern, pool, ttlMs } = request;
    return [kind, server, serverPattern, pool, ttlMs];
  }
  if (request.kind === 'rotate_authority') return [request.kind, request.step, request.force];
  return [request, resource];
}

/** All of it that a person who said yes to a plan relies on: what is, and what will be. */
function decided(view: View, request: Call, value: CallValue): unknown {
  const { state } = view;
  switch (value.kind) {
    case 'policy':
      return ofPolicy(view, request, value);
    case 'server':
      return {
        was: serverFacts(state.servers.get(value.server.id)),
        is: serverFacts(value.server),
        plan: movesOf(value.plan),
        runs: value.runs,
        starts: value.starts,
      };
    case 'order':
      return { was: state.pools.get(value.pool.id)?.order, is: value.pool.order, plan: movesOf(value.plan) };
    case 'pool':
      return { was: poolFacts(state.pools.get(value.pool.id)), is: poolFacts(value.pool) };
    case 'run':
      return [value.run.state.kind, placeOf(value.run), value.run.reservation?.server];
    case 'runs':
      return value.runs;
    case 'access':
      return accessFacts(value.record);
    case 'join_token':
      return value.token.state.kind;
    case 'revocation':
      return value.revocation.server;
    case 'authority':
      return [value.authority.phase, value.behind.map(({ name }) => name)];
    case 'gone':
    case 'admitted':
    case 'noted':
      return value;
  }
}

/** Where its definition is changed, what that does to its runs; else the runs themselves, which are stopped, kept or counted. */
function ofPolicy(
  { state }: View,
  request: Call,
  { policy, before, effects }: Extract<CallValue, { readonly kind: 'policy' }>,
): unknown {
  const was = state.policies.get(policy.id);
  const runs = was === undefined ? [] : runsOf(state, was).map(placeOf);
  const facts = { was: was && intentOf(was), is: intentOf(policy) };
  if (request.kind !== 'create_policy' && request.kind !== 'update_policy') return { ...facts, runs };
  const done = effects?.map(({ run, effect }) => [effect, run, runs.find(([id]) => id === run)]);
  return { ...facts, before, spec: policy.spec, effects: done };
}

const intentOf = ({ uid, paused, deleting }: Policy) => ({ uid, paused, deleting });

const placeOf = (run: Run) => [run.id, currentAttempt(run)?.server] as const;

function serverFacts(server: Server | undefined): unknown {
  if (server === undefined) return undefined;
  const { uid, intent, maxSlots, labels, deleting } = server;
  return { uid, intent, maxSlots, labels, deleting };
}

/** Such a call says whole what shall be: what was there before decides nothing. */
function accessFacts(record: AccessRecord): unknown {
  switch (record.kind) {
    case 'role':
      return [record.name, record.permissions];
    case 'token':
      return [record.holder, record.roles];
    case 'user':
      return [record.name, record.roles];
  }
}

function poolFacts(pool: Pool | undefined): unknown {
  if (pool === undefined) return undefined;
  const { timers, defaultFailback, defaultMaxSlots } = pool;
  return { timers, defaultFailback, defaultMaxSlots };
}

/** Without the sentences. */
const movesOf = ({ moves, stays }: MovePlan): unknown => ({
  moves,
  stays: stays.map(({ run, server }) => [run, server]),
});

/** JSON with the keys of objects in the order of the alphabet. */
function sortedText(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
