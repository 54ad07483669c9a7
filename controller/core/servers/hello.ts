/** Hello: who is it, may it come in, what does it hold, and what becomes of that (semantics 11, C9). */
import { LocumError } from '../../../shared/errors.ts';
import { type SessionId, sessionId } from '../../../shared/ids.ts';
import { LIMITS } from '../../../shared/limits.ts';
import type { HeldCertificate } from '../../../shared/protocol/agent-message.ts';
import type { Verdict } from '../../../shared/protocol/leader-message.ts';
import { MINUTE } from '../../../shared/time.ts';
import { change, create, SILENT, tell } from '../cluster/change.ts';
import { attemptLiveOf, type ClusterState, poolOf, serverLiveOf } from '../cluster/cluster.ts';
import type { WholeHello } from '../cluster/event.ts';
import type { ServerLive } from '../cluster/live.ts';
import type { Session } from '../cluster/session.ts';
import type { Turn } from '../cluster/turn.ts';
import { OPEN_GATE } from '../records/gate-record.ts';
import { nextUid } from '../records/meta.ts';
import type { Attempt, ConnId, Pool, Run, Server } from '../records/state.ts';
import { DRIFT } from '../records/timers.ts';
import { isUnended } from '../runs/attempt.ts';
import { expectEarlierLife } from '../runs/earlier-life.ts';
import { isSamePlace } from '../runs/place.ts';
import { tellAuthority } from './authority.ts';
import { judgeInventory, takeInventory } from './inventory.ts';
import { becomeAlive } from './liveness.ts';
import { admitNewcomer } from './newcomers.ts';
import { refuseRevoked } from './revocations.ts';
import { applyFacts } from './server-facts.ts';
import { attemptsOn, closeSession } from './session.ts';
import { refuseBehind } from './store-behind.ts';

export function hello(turn: Turn, conn: ConnId, facts: WholeHello): void {
  const { state } = turn;
  const again = state.sessions.get(conn);
  if (again !== undefined) {
    closeSession(turn, again, new LocumError('PROTOCOL', 'a second Hello on one stream'), true);
    return;
  }
  const refusal = refuse(turn, facts);
  if (refusal !== undefined) {
    turn.effects.push({ kind: 'close', conn, error: refusal });
    return;
  }
  const known = state.servers.get(facts.server);
  const server = known ?? register(turn, facts, poolOf(state, facts.pool));
  const live = serverLiveOf(state, server.id);
  const bootedSince = hasBootedSince(turn, live, facts);
  if (live.session !== undefined) closeSession(turn, live.session, undefined, true);
  const session = openSession(turn, conn, server, facts, bootedSince);
  applyFacts(turn, server, facts);
  becomeAlive(turn, server);
  session.absent = takeInventory(turn, session, facts.inventory, undefined);
  const verdicts = judgeInventory(turn, session, facts.inventory);
  session.welcome = { needCommit: turn.barrier.needCommit, needCheck: turn.barrier.needCheck(), verdicts };
  expectKept(turn, session, verdicts);
  tellAuthority(turn, session);
  turn.barrier.cover({ session, sequence: 0, receivedMono: turn.now.mono });
  turn.lookAroundServer(server.id);
}

/** Evidence of a boot is kept: the Hello that brought it may break off, and the next one of the same boot comes after a "heartbeat". */
function hasBootedSince(turn: Turn, live: ServerLive, { bootId, uptimeMs }: WholeHello): boolean {
  if (live.bootedSince !== bootId && turn.now.mono - uptimeMs > live.lastHeartbeatMono) live.bootedSince = bootId;
  return live.bootedSince === bootId;
}

/**
 * The Welcome, when it leaves, re-issues leases from the Hello on: noted now, so that no wait ends between the two and the
 * verdict is still true when it is sent.
 */
function expectKept(turn: Turn, session: Session, verdicts: readonly Verdict[]): void {
  const kept = new Set(verdicts.filter(({ action }) => action !== 'STOP').map(({ epoch }) => epoch));
  for (const { attempt } of attemptsOn(turn, session)) {
    const live = attemptLiveOf(turn.state, attempt);
    if (kept.has(attempt.epoch)) live.lastGrantMono = Math.max(live.lastGrantMono, session.helloMono);
  }
}

function openSession(turn: Turn, conn: ConnId, server: Server, facts: WholeHello, bootedSince: boolean): Session {
  const { state, now } = turn;
  turn.lastSession += 1;
  const id: SessionId = sessionId(`${state.term}-${turn.lastSession}`);
  const session: Session = {
    id,
    conn,
    server: server.id,
    serverUid: server.uid,
    instanceId: facts.instanceId,
    machineId: facts.machineId,
    bootId: facts.bootId,
    helloMono: now.mono,
    bootedSince,
    phase: 'OPENING',
    welcome: { needCommit: turn.barrier.needCommit, needCheck: turn.barrier.needCheck(), verdicts: [] },
    generation: 0,
    receivedSequence: 0,
    coveredSequence: 0,
    lastGrantMono: Number.NEGATIVE_INFINITY,
    control: [],
    starts: [],
    unanswered: new Map(),
    unansweredBytes: 0,
    fullStateAsked: false,
    absent: [],
  };
  state.sessions.set(conn, session);
  turn.waitingSessions.add(session);
  const live = serverLiveOf(state, facts.server);
  live.session = session;
  live.helloSeen = true;
  live.certificate = shownBy(facts);
  noteLastWords(state, live, session);
  live.lastHeartbeatMono = now.mono;
  live.lastHeartbeatWall = now.wall;
  return session;
}

/** What another place or boot says under the server's name is no word of its predecessor: waits for that one go on (C3, STUCK). */
function noteLastWords(state: ClusterState, live: ServerLive, session: Session): void {
  for (const id of live.runs) {
    for (const attempt of state.runs.get(id)?.attempts.filter(isUnended) ?? []) {
      if (attempt.server !== session.server) continue;
      const attemptLive = attemptLiveOf(state, attempt);
      const isOwn = isSamePlace(attempt, session) && attempt.bootId === session.bootId;
      attemptLive.lastWordMono = isOwn ? undefined : (attemptLive.lastWordMono ?? live.lastHeartbeatMono);
    }
  }
}

/** Rules in order; the first that matches refuses. */
function refuse(turn: Turn, facts: WholeHello): LocumError | undefined {
  const { state } = turn;
  const resource = `servers/${facts.server}`;
  // First: whatever else it says counts for nothing.
  const revoked = refuseRevoked(turn, facts);
  if (revoked !== undefined) return revoked;
  // Also with empty hands: what it remembers (term, spent epochs, uid) is of other numbers, so it would refuse what it is told here.
  if (facts.clusterId !== '' && facts.clusterId !== state.clusterId) {
    const message = `${facts.server} belongs to cluster ${facts.clusterId}, this is ${state.clusterId}: connect it to its own controllers. To move it here, run \`locum agent leave\` on its host while it is connected to those, or start it with another state directory`;
    return new LocumError('WRONG_CLUSTER', message, { resource });
  }
  if (facts.clusterId === state.clusterId) {
    const behind = refuseBehind(turn, facts);
    if (behind !== undefined) return behind;
  }
  if (!state.pools.has(facts.pool)) {
    const message = `pools/${facts.pool} does not exist: create it with \`locum pool create ${facts.pool}\`, or correct the agent's configuration`;
    return new LocumError('NOT_FOUND', message, { resource: `pools/${facts.pool}` });
  }
  const server = state.servers.get(facts.server);
  if (server === undefined) return fullPool(state, facts) ?? admitNewcomer(turn, facts);
  if (server.pool !== facts.pool) {
    const message = `${facts.server} is in pool ${server.pool}; a server can't change its pool: delete it first, or correct the agent's configuration`;
    return new LocumError('IMMUTABLE_FIELD', message, { resource });
  }
  const samePlace = facts.instanceId === server.instanceId && facts.machineId === server.machineId;
  // From its own place it may come in: what it holds is told to stop, and that is the proof that its end waits for.
  if (server.deleting && !samePlace) {
    const message = `${facts.server} is being deleted and its attempts are not yet proven ended`;
    return new LocumError('SERVER_DELETING', message, { resource, retryAfterMs: 5_000 });
  }
  return duplicate(turn, server, facts);
}

/** A pool's order is one record, and one answer. */
function fullPool(state: ClusterState, { pool, server }: WholeHello): LocumError | undefined {
  if (poolOf(state, pool).order.length < LIMITS.poolServers) return undefined;
  const message = `pools/${pool} has ${LIMITS.poolServers} servers, as many as a pool can have: delete some, or give ${server} another pool`;
  return new LocumError('OVERLOADED', message, { resource: `pools/${pool}`, retryAfterMs: 60_000 });
}

/** Another agent of the same name is refused while the lease of the first one can live. */
function duplicate(turn: Turn, server: Server, facts: WholeHello): LocumError | undefined {
  const { state, now } = turn;
  const live = serverLiveOf(state, server.id);
  const samePlace = facts.instanceId === server.instanceId && facts.machineId === server.machineId;
  if (samePlace && facts.bootId === server.bootId) return undefined;
  const held = [...live.runs].flatMap((id) => unendedOn(state.runs.get(id), server));
  // It said farewell and holds nothing: nobody else is there.
  if (held.length === 0 && (server.liveness === 'LEFT' || !live.helloSeen)) return undefined;
  const leases = held.map((attempt) => attempt.terms.leaseMs);
  const leaseMs = DRIFT * Math.max(poolOf(state, server.pool).timers.leaseMs, ...leases);
  if (now.mono - Math.max(live.lastGrantMono, live.lastHeartbeatMono) >= leaseMs) return undefined;
  if (live.duplicateSeenMono === undefined || now.mono - live.duplicateSeenMono > MINUTE) {
    live.duplicateSeenMono = now.mono;
    tell(turn, server, {
      type: 'DUPLICATE_IDENTITY',
      cause: samePlace ? 'NEW_BOOT' : 'OTHER_PLACE',
      message: `a second agent says that it is ${server.id}, ${samePlace ? 'from its place and after another boot' : 'from another place'}; it is refused while the lease of the first can live`,
    });
  }
  const message = `another agent is ${server.id} and its lease can still live: give this one another id, or wait until the other has been silent for ${Math.ceil(leaseMs / 1000)} s`;
  return new LocumError('DUPLICATE_IDENTITY', message, { resource: `servers/${server.id}`, retryAfterMs: 1_000 });
}

const unendedOn = (run: Run | undefined, server: Server): readonly Attempt[] =>
  run?.attempts.filter((attempt) => isUnended(attempt) && attempt.server === server.id) ?? [];

/** A new server: the first of its pool is the primary, every later one is appended. */
function register(turn: Turn, facts: WholeHello, pool: Pool): Server {
  const { state, now } = turn;
  const server = expectEarlierLife(state, {
    kind: 'server',
    id: facts.server,
    uid: nextUid(state.meta),
    version: 0,
    createWall: now.wall,
    updateWall: now.wall,
    pool: facts.pool,
    maxSlots: undefined,
    labels: {},
    intent: 'ACTIVE',
    drain: undefined,
    liveness: 'ALIVE',
    livenessSinceWall: now.wall,
    instanceId: facts.instanceId,
    machineId: facts.machineId,
    bootId: facts.bootId,
    agentVersion: facts.agentVersion,
    capabilities: facts.capabilities,
    probeFailures: [],
    agentMaxSlots: facts.capacity.maxSlots,
    saturated: facts.capacity.saturated,
    gate: OPEN_GATE,
    settledIncarnation: 0,
    earlierLife: undefined,
    deleting: false,
  });
  const role = pool.order.length === 0 ? 'the primary' : `standby number ${pool.order.length}`;
  // The line about the server names its place in the order.
  change(turn, pool, { order: [...pool.order, server.id] }, SILENT);
  const message = `${server.id} registered as ${role} of ${pool.id}`;
  create(turn, server, { type: 'SERVER_REGISTERED', cause: 'HELLO', message });
  return server;
}

/** As long as its first heartbeat has not come. */
function shownBy({ certifiedWall, certifiedUntilWall }: WholeHello): HeldCertificate | undefined {
  if (certifiedWall === undefined || certifiedUntilWall === undefined) return undefined;
  return { notBeforeWall: certifiedWall, notAfterWall: certifiedUntilWall, renewalProblem: '' };
}
