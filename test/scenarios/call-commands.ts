/** Commands that are administrators' calls. `id=` gives a request_id, the word `dry` sets validate_only, `by=` names who asks. */

import type { AdminCall, Call } from '../../controller/core/cluster/event.ts';
import { bootMark } from '../../controller/core/records/boot-mark.ts';
import type { HookNews } from '../../controller/core/records/hook-record.ts';
import { present } from '../../shared/assert.ts';
import { policyId, poolId, runId, serverId } from '../../shared/ids.ts';
import type { Timers } from '../../shared/protocol/timers.ts';
import { accessReadings, warrantOf } from './access-commands.ts';
import type { Command } from './agent-commands.ts';
import { authorityReadings } from './authority-commands.ts';
import { patchOf, specOf } from './policy-notation.ts';
import type { Stage } from './stage.ts';
import { durationOf, listOf, oneOf, type Words } from './words.ts';

/** The request that the words ask for; the first plain word is the command's name. */
type Reading = (words: Words, stage: Stage) => Call;

const id = ({ plain }: Words, index = 1): string => present(plain[index], `the command names what it is about`);
const etagOf = ({ named }: Words): string => named.get('etag') ?? '';
const applyOf = ({ named }: Words) => oneOf(named.get('apply') ?? 'NEW_ONLY', ['NEW_ONLY', 'MOVE_NOW']);
const deadlineOf = ({ named }: Words): number | undefined =>
  named.has('deadline') ? durationOf(named.get('deadline') ?? '') : undefined;

function timersOf({ named }: Words): Partial<Timers> {
  const keys = { h: 'heartbeatMs', suspect: 'suspectAfterMs', L: 'leaseMs', G: 'stopTimeoutMs', K: 'killGuardMs' };
  const all = Object.entries({ ...keys, M: 'missingAfterMs' });
  return Object.fromEntries(
    all.flatMap(([key, field]) => (named.has(key) ? [[field, durationOf(named.get(key) ?? '')]] : [])),
  );
}

const move =
  (to: (words: Words) => Extract<Call, { kind: 'move_server' }>['to']): Reading =>
  (words) => ({
    kind: 'move_server',
    server: serverId(id(words)),
    to: to(words),
    etag: etagOf(words),
    apply: applyOf(words),
  });

/** An operator's confirmation names what `ListRuns` and the server showed; each part can be given wrongly. */
const confirmDead: Reading = (words, { world }) => {
  const server = serverId(id(words));
  const known = world.state.servers.get(server);
  const unended = [...world.state.runs.values()].flatMap((run) =>
    run.attempts.filter((attempt) => attempt.server === server && attempt.state.kind !== 'ENDED'),
  );
  const epochs = words.named.get('epochs');
  return {
    kind: 'confirm_server_dead',
    server,
    uid: words.named.get('uid') ?? known?.uid ?? '',
    boot: words.named.get('boot') ?? (known === undefined ? '' : bootMark(known)),
    epochs: epochs === undefined ? unended.map(({ epoch }) => epoch) : listOf(epochs).map(Number),
    reason: words.named.get('reason') ?? 'it burnt',
  };
};

const newsOf = ({ named, plain }: Words): HookNews | undefined => {
  const [dropped, refused, problem] = ['dropped', 'refused', 'problem'].map((word) => named.get(word));
  if (plain.includes('takes')) return { kind: 'TAKES' };
  if (problem !== undefined) return { kind: 'FAILS', problem };
  if (dropped !== undefined) return { kind: 'DROPPED', upTo: Number(dropped) };
  return refused === undefined ? undefined : { kind: 'TURNED_AWAY', event: Number(refused), problem: 'answered 422' };
};

/** Commands of one word. */
const readings: Readonly<Record<string, Reading>> = {
  policy: (words) => ({ kind: 'create_policy', policy: policyId(id(words)), spec: specOf(words) }),
  'update-policy': (words) => ({
    kind: 'update_policy',
    policy: policyId(id(words)),
    etag: etagOf(words),
    patch: patchOf(words),
    createAs: undefined,
  }),
  'delete-policy': (words) => ({ kind: 'delete_policy', policy: policyId(id(words)), etag: etagOf(words) }),
  start: (words) => ({
    kind: 'start_policy',
    policy: policyId(id(words)),
    arguments: words.plain.slice(2).filter((word) => word !== 'dry'),
  }),
  stop: (words) => ({ kind: 'stop_policy', policy: policyId(id(words)) }),
  restart: (words) => ({ kind: 'restart_policy', policy: policyId(id(words)) }),
  pause: (words) => ({ kind: 'pause_policy', policy: policyId(id(words)) }),
  resume: (words) => ({ kind: 'resume_policy', policy: policyId(id(words)) }),
  pool: (words) => ({
    kind: 'create_pool',
    pool: poolId(id(words)),
    timers: timersOf(words),
    defaultFailback: undefined,
    defaultMaxSlots: undefined,
  }),
  'update-pool': (words) => ({
    kind: 'update_pool',
    pool: poolId(id(words)),
    etag: etagOf(words),
    timers: timersOf(words),
    defaultFailback: undefined,
    defaultMaxSlots: words.named.has('slots') ? Number(words.named.get('slots')) : undefined,
  }),
  'delete-pool': (words) => ({ kind: 'delete_pool', pool: poolId(id(words)), etag: etagOf(words) }),
  order: (words) => ({
    kind: 'set_order',
    pool: poolId(id(words)),
    servers: listOf(words.plain[2]).map(serverId),
    etag: etagOf(words),
    apply: applyOf(words),
  }),
  primary: move(() => ({ kind: 'primary' })),
  promote: move(() => ({ kind: 'promote' })),
  demote: move(() => ({ kind: 'demote' })),
  rank: move((words) => ({ kind: 'rank', rank: Number(id(words, 2)) })),
  before: move((words) => ({ kind: 'before', server: serverId(id(words, 2)) })),
  limit: (words) => {
    const value = id(words, 2);
    const maxSlots = { value: value === 'default' ? undefined : Number(value) };
    return { kind: 'update_server', server: serverId(id(words)), etag: etagOf(words), maxSlots, labels: undefined };
  },
  'delete-server': (words) => ({ kind: 'delete_server', server: serverId(id(words)), etag: etagOf(words) }),
  cordon: (words) => ({ kind: 'cordon_server', server: serverId(id(words)) }),
  uncordon: (words) => ({ kind: 'uncordon_server', server: serverId(id(words)) }),
  drain: (words) => {
    const letFinish = words.plain.includes('let-finish');
    return { kind: 'drain_server', server: serverId(id(words)), deadlineMs: deadlineOf(words), letFinish };
  },
  'confirm-dead': confirmDead,
  'move-run': (words) => {
    const to = words.named.get('to');
    return { kind: 'move_run', run: runId(id(words)), server: to === undefined ? undefined : serverId(to) };
  },
  'stop-run': (words) => ({ kind: 'stop_run', run: runId(id(words)) }),
  'release-run': (words) => ({
    kind: 'release_run',
    run: runId(id(words)),
    abandonAttempt: words.plain.includes('abandon'),
    reason: words.named.get('reason') ?? '',
  }),
  'join-token': (words) => ({
    kind: 'create_join_token',
    ...{
      id: id(words),
      secretHash: words.named.get('secret') ?? 'secret',
      serverPattern: words.named.get('pattern') ?? '',
    },
    server: words.named.has('server') ? serverId(words.named.get('server') ?? '') : undefined,
    pool: words.named.has('pool') ? poolId(words.named.get('pool') ?? '') : undefined,
    ttlMs: durationOf(words.named.get('ttl') ?? '1h'),
  }),
  'revoke-join-token': (words) => ({ kind: 'revoke_join_token', id: id(words) }),
  'revoke-server': (words) => ({
    kind: 'revoke_server',
    server: serverId(id(words)),
    reason: words.named.get('reason') ?? '',
  }),
  join: (words) => ({
    kind: 'join',
    ...{
      server: serverId(id(words)),
      token: words.named.get('token') ?? '',
      secretHash: words.named.get('secret') ?? 'secret',
    },
    pool: words.named.has('pool') ? poolId(words.named.get('pool') ?? '') : undefined,
    keyHash: words.named.get('key') ?? `key of ${id(words)}`,
    source: words.named.get('from') ?? '192.0.2.7',
  }),
  // `denied WRONG_IDENTITY method=… about=servers/web-1 who=agent:web-2 from=192.0.2.7 times=3`: noted by a controller.
  denied: ({ plain, named }) => ({
    kind: 'record_access',
    facts: [
      {
        ...{ kind: 'DENIAL', outcome: plain[1] ?? '', requestId: '', firstWall: 0, lastWall: 0 },
        ...{ method: named.get('method') ?? 'locum.v1.AgentService/Connect', resource: named.get('about') ?? '' },
        ...{ principal: named.get('who') ?? '', source: named.get('from') ?? '' },
        count: Number(named.get('times') ?? '1'),
      },
    ],
  }),
  hook: (words) => ({
    kind: 'note_hook',
    hook: id(words),
    position: Number(id(words, 2)),
    news: newsOf(words),
  }),
  'forget-hook': (words) => ({ kind: 'forget_hook', hook: id(words) }),
  proceed: (words) => ({ kind: 'proceed_takeovers', pool: poolId(id(words)) }),
  ...accessReadings,
  ...authorityReadings,
};

const detailsOf = (words: Words, request: Call): Partial<AdminCall> => ({
  validateOnly: words.plain.includes('dry'),
  requestId: words.named.get('id') ?? '',
  ...(words.named.has('by') ? { actor: words.named.get('by') ?? '' } : {}),
  ...warrantOf(words, request),
});

export const callCommands: Readonly<Record<string, Command>> = Object.fromEntries(
  Object.entries(readings).map(([name, read]): [string, Command] => [
    name,
    (stage, words) => {
      const request = read(words, stage);
      stage.world.call(request, detailsOf(words, request));
    },
  ]),
);
