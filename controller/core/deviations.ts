/**
 * What is not where it should be, each with since when and what shows more; and what runs wait for. Derived from the state when asked,
 * never stored.
 */
import { conditionAt, lateFromWall } from '../../shared/certificate-life.ts';
import { count } from '../../shared/count.ts';
import { type Now, SECOND } from '../../shared/time.ts';
import { certificateText } from './certificate-text.ts';
import { ageOf, wallAtAge } from './cluster/age.ts';
import { type ClusterState, poolOf, serverLiveOf } from './cluster/cluster.ts';
import { doubtOf } from './cluster/store-doubt.ts';
import { type Deviation, worstFirst } from './deviation.ts';
import { LastEvents } from './last-events.ts';
import { effectiveMaxSlots, usedSlots } from './placement/capacity.ts';
import { gateOf } from './placement/gate-view.ts';
import type { DeviationReason } from './records/deviation-reason.ts';
import type { Run, Server } from './records/state.ts';
import { runDeviations } from './run-deviations.ts';
import { drainBlockers } from './runs/drain.ts';
import { waitFor } from './runs/earlier-life.ts';

/** The worst first. */
export function deviations(state: ClusterState, now: Now): readonly Deviation[] {
  const since = new LastEvents(state);
  return worstFirst([
    ...clusterDeviations(state, now, since),
    ...authorityDeviations(state),
    ...hookDeviations(state),
    ...stormDeviations(state, now),
    ...[...state.servers.values()].flatMap((server) => serverDeviations(state, server, now, since)),
    ...runDeviations(state, now, since),
  ]);
}

function clusterDeviations(state: ClusterState, now: Now, since: LastEvents): readonly Deviation[] {
  const doubt = doubtOf(state, now, undefined);
  if (doubt === undefined) return [];
  const type = state.storeBehind === undefined ? 'STORE_DOUBTED' : 'STORE_BEHIND';
  const etaWall = doubt.untilMono === undefined ? undefined : now.wall + doubt.untilMono - now.mono;
  return [
    {
      ...{ resource: 'cluster', reason: 'STORE_BEHIND', message: doubt.message },
      ...{ sinceWall: since.of(type, ''), etaWall, command: `locum events --type ${type}` },
    },
  ];
}

function authorityDeviations({ authority }: ClusterState): readonly Deviation[] {
  if (authority === undefined || authority.phase === 'STEADY') return [];
  const message =
    authority.phase === 'TRUSTING'
      ? 'a new root of the certificate authority is trusted, and does not sign yet'
      : 'the new root of the certificate authority signs, and the old one is still trusted';
  return [
    {
      ...{ resource: 'cluster', reason: 'AUTHORITY_ROTATION', message, command: 'locum pki status' },
      ...{ sinceWall: authority.sinceWall, etaWall: undefined },
    },
  ];
}

function hookDeviations({ hooks, events }: ClusterState): readonly Deviation[] {
  return [...hooks.values()].flatMap(({ hook, position, failing }) => {
    if (failing === undefined) return [];
    const message = `${count([...events.after(position)].length, 'event')} to tell or pass over: ${failing.problem}`;
    const command = `locum hook show ${hook}`;
    return {
      ...{ resource: `hooks/${hook}`, reason: 'HOOK_FAILING' as const, message, command },
      ...{ sinceWall: failing.sinceWall, etaWall: undefined },
    };
  });
}

function stormDeviations(state: ClusterState, now: Now): readonly Deviation[] {
  return [...state.poolLive].flatMap(([pool, { storm }]) =>
    storm.activeSinceMono === undefined
      ? []
      : {
          resource: `pools/${pool}`,
          reason: 'STORM' as const,
          message: `half of its servers fell silent at once, so takeovers from them are held back; if they really are dead: locum proceed ${pool}`,
          sinceWall: now.wall - (now.mono - storm.activeSinceMono),
          etaWall: undefined,
          command: `locum server list --pool ${pool}`,
        },
  );
}

function serverDeviations(state: ClusterState, server: Server, now: Now, since: LastEvents): readonly Deviation[] {
  const { id, drain, liveness, probeFailures, saturated } = server;
  const found: Deviation[] = [];
  const say = (reason: DeviationReason, message: string, sinceWall?: number, etaWall?: number): void => {
    found.push({ resource: `servers/${id}`, reason, message, sinceWall, etaWall, command: `locum server show ${id}` });
  };
  const silence = silenceOf(state, server, now);
  if (silence !== undefined) {
    const { reason, silentMs } = silence;
    say(reason, `no heartbeat for ${Math.round(silentMs / 1000)} s`, now.wall - silentMs);
  }
  if (state.unsettled.has(id)) {
    const until = waitFor(state, server);
    say('BEFORE_RESTORE', `HOLD policies of its pool wait: it may hold work of before the restore, until ${until}`);
  }
  if (saturated) {
    say('SERVER_SATURATED', 'takes no new runs: its load is over its mark', since.of('SERVER_SATURATED', id));
  }
  // Of one that is silent nobody knows.
  for (const { probe, detail, sinceWall } of liveness === 'ALIVE' ? probeFailures : [])
    say('PROBE_FAILING', `probe ${probe} fails, what it tells is not known: ${detail}`, sinceWall);
  const { certificate } = serverLiveOf(state, id);
  // Of one that is away, its return is what is waited for.
  if (certificate !== undefined && liveness === 'ALIVE' && conditionAt(certificate, now.wall) !== 'FRESH')
    say(
      'CERTIFICATE_ENDS',
      certificateText(certificate, { nowWall: now.wall, silence: UNSAID }),
      lateFromWall(certificate),
    );
  const gate = gateOf(server);
  if (gate.kind !== 'OPEN') {
    const etaWall = gate.untilAge === undefined ? undefined : wallAtAge(state, now, gate.untilAge);
    say(`SERVER_${gate.kind}`, `takes no new runs: ${gate.why}; ${gate.wayOut}`, gate.sinceWall, etaWall);
  }
  const [used, limit] = [usedSlots(state, server), effectiveMaxSlots(state, server)];
  if (used > limit) {
    say('OVER_CAPACITY', `${used} slots are used, its limit is ${limit}`, since.of('SERVER_UPDATED', id));
  }
  for (const { run, reason } of drainBlockers({ state, now, age: ageOf(state, now) }, id))
    say('DRAIN_BLOCKED', `${run}: ${reason}`, drain?.startWall, drain?.deadlineWall);
  return found;
}

interface Silence {
  readonly reason: DeviationReason;
  readonly silentMs: number;
}

/** Undefined: it is heard, has left, or may be back in a moment, as an agent that was started again or finds another leader. */
function silenceOf(state: ClusterState, { id, pool, liveness }: Server, { mono }: Now): Silence | undefined {
  const { session, lastHeartbeatMono } = serverLiveOf(state, id);
  const silentMs = mono - lastHeartbeatMono;
  if (liveness === 'MISSING' || liveness === 'SUSPECT') return { reason: `SERVER_${liveness}`, silentMs };
  const isAwaited = silentMs <= 1.1 * poolOf(state, pool).timers.heartbeatMs + SECOND;
  if (liveness === 'LEFT' || session !== undefined || isAwaited) return undefined;
  return { reason: 'SERVER_DISCONNECTED', silentMs };
}

/** Files that other tools bring, or an agent that has not tried yet. */
const UNSAID = 'its agent has not said why (`locum agent status` on that host)';

/** Runs that wait for one and the same reason. */
export interface QueuedFor {
  readonly reason: Run['state']['reason'];
  readonly runs: number;
  /** Since when the first of them waits, wall time in milliseconds. */
  readonly oldestWall: number;
}

/** What queued runs wait for, most of them first. */
export function queuedFor(state: ClusterState): readonly QueuedFor[] {
  const byReason = new Map<QueuedFor['reason'], QueuedFor>();
  for (const { state: now, queueSinceWall } of state.runs.values()) {
    if (now.kind !== 'QUEUED') continue;
    const { reason } = now;
    const before = byReason.get(reason) ?? { reason, runs: 0, oldestWall: queueSinceWall };
    const oldestWall = Math.min(before.oldestWall, queueSinceWall);
    byReason.set(reason, { reason, runs: before.runs + 1, oldestWall });
  }
  return [...byReason.values()].sort((a, b) => b.runs - a.runs);
}
