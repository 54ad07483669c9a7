/**
 * The gate of a server: closed by the controller's own judgement. PROBATION, while its
 * host can start nothing: until its agent says that it could again, or, where the agent never says, until one start that is tried after
 * a pause succeeds. QUARANTINED, when it went missing again and again. What runs there runs on, and a policy that has no other eligible
 * server may still use it (semantics 8).
 */
import { type HostProblem, tellableProblems } from '../../../shared/host-problem.ts';
import type { ServerId } from '../../../shared/ids.ts';
import { HOUR, MINUTE, SECOND } from '../../../shared/time.ts';
import { change, type News, SILENT, type Telling } from '../cluster/change.ts';
import { poolLiveOf } from '../cluster/cluster.ts';
import type { Turn, View } from '../cluster/turn.ts';
import { describe, doubled, MISSING_MAX, quarantineMs } from '../placement/gate-view.ts';
import type { CauseOf, EventType } from '../records/event-type.ts';
import type { Probation, Quarantine, ServerGate } from '../records/gate-record.ts';
import type { Server } from '../records/state.ts';

/** After a refusal for a problem of the host, until a start is tried again; doubled with each. */
const PROBATION_FIRST_MS = 30 * SECOND;
const PROBATION_MAX_MS = 10 * MINUTE;
const MISSING_WINDOW_MS = HOUR;
/** A quarantine that was over for so long lengthens no later one. */
const FORGET_QUARANTINE_MS = 2 * HOUR;

/** Its agent says all its problems: with a Hello, or with a heartbeat when any came or went. */
export function noteReported(turn: Turn, server: Server, told: readonly HostProblem[]): void {
  const { gate } = server;
  if (told.length > 0) {
    const probation = { ...newProbation(turn, gate), phase: 'REPORTED', untilAge: 0 } as const;
    if (gate.probation?.phase === 'REPORTED' && sameKinds(gate.problems, told)) return;
    const news = newsOf(server, 'SERVER_PROBATION', told[0]?.kind ?? 'OTHER', `takes no new runs: ${describe(told)}`);
    setGate(turn, server, { problems: told, probation }, news);
  } else if (gate.probation?.phase === 'REPORTED') {
    const message = 'takes runs again: its agent says that a start would succeed';
    setGate(turn, server, NO_PROBLEMS, newsOf(server, 'SERVER_GATE_OPENED', 'REPORTED', message));
  }
}

/** This agent's version does not report host problems, so the gate is retried by time. */
export function noteNeverReports(turn: Turn, server: Server): void {
  const { probation } = server.gate;
  // What was wrong is as wrong as before; only who ends it is another.
  if (probation?.phase === 'REPORTED') setGate(turn, server, { probation: paused(turn, probation) }, SILENT);
}

/** A start was refused for a problem of the host. */
export function noteHostRefusal(turn: Turn, id: ServerId, problem: HostProblem): void {
  const server = turn.state.servers.get(id);
  // What its agent says of itself is newer, and it will say when that is over.
  if (server === undefined || server.gate.probation?.phase === 'REPORTED') return;
  const wasClosed = server.gate.probation?.phase === 'PAUSED';
  // Starts that were under way together are one refusal.
  if (wasClosed) return;
  const problems = tellableProblems([...server.gate.problems, problem]);
  const probation = paused(turn, newProbation(turn, server.gate));
  const pauseMs = probation.untilAge - turn.age;
  const message = `takes no new runs for ${Math.round(pauseMs / SECOND)} s: it refused a start, ${describe([problem])}`;
  setGate(turn, server, { problems, probation }, newsOf(server, 'SERVER_PROBATION', problem.kind, message));
}

/** A start succeeded: whatever was wrong is over, unless its agent says otherwise. */
export function noteStarted(turn: Turn, id: ServerId): void {
  const server = turn.state.servers.get(id);
  const probation = server?.gate.probation;
  if (server === undefined || probation === undefined || probation.phase === 'REPORTED') return;
  const news = newsOf(server, 'SERVER_GATE_OPENED', 'STARTED', 'takes runs again: a start succeeded');
  setGate(turn, server, NO_PROBLEMS, news);
}

const newProbation = ({ now }: View, { probation }: ServerGate): Probation =>
  probation ?? { phase: 'PAUSED', sinceWall: now.wall, untilAge: 0, rounds: 0 };

/** One more pause, longer than the last. */
function paused({ age }: View, probation: Probation): Probation {
  const rounds = probation.rounds + 1;
  return {
    ...probation,
    phase: 'PAUSED',
    untilAge: age + doubled(PROBATION_FIRST_MS, PROBATION_MAX_MS, rounds),
    rounds,
  };
}

/** It was called MISSING. Not counted in a mass failure: the fault is more likely between the servers and us. */
export function noteMissing(turn: Turn, server: Server): void {
  const { age } = turn;
  if (poolLiveOf(turn.state, server.pool).storm.activeSinceMono !== undefined) return;
  const missingAges = [...server.gate.missingAges.filter((at) => at > age - MISSING_WINDOW_MS), age].slice(
    -MISSING_MAX,
  );
  // That it is MISSING was told; how often it was is remembered.
  setGate(turn, server, { missingAges }, SILENT);
  if (missingAges.length < MISSING_MAX) return;
  const last = server.gate.quarantine;
  const isLong = last !== undefined && last.phase === 'OVER' && age > last.untilAge + FORGET_QUARANTINE_MS;
  const rounds = last === undefined || isLong ? 1 : last.rounds + 1;
  // Missing once more while it is closed, it is closed for longer, and since the same time.
  const sinceWall = last === undefined || last.phase === 'OVER' ? turn.now.wall : last.sinceWall;
  const quarantine: Quarantine = { phase: 'AWAY', sinceWall, untilAge: 0, rounds };
  const minutes = quarantineMs(rounds) / MINUTE;
  const message = `takes no new runs for ${minutes} min after its return: it went missing ${MISSING_MAX} times within an hour`;
  setGate(turn, server, { quarantine }, newsOf(server, 'SERVER_QUARANTINED', 'MISSING_AGAIN', message));
}

/** It is heard again: from now on its quarantine runs. */
export function noteReturned(turn: Turn, server: Server): void {
  const { quarantine } = server.gate;
  if (quarantine?.phase !== 'AWAY') return;
  const untilAge = turn.age + quarantineMs(quarantine.rounds);
  // Its return is told; from then on the quarantine counts that was told before.
  setGate(turn, server, { quarantine: { ...quarantine, phase: 'CLOSED', untilAge } }, SILENT);
}

/** Opens what is due, and says when to look again. */
export function judgeGate(turn: Turn, server: Server): void {
  const { probation, quarantine } = server.gate;
  const { age } = turn;
  if (probation?.phase === 'PAUSED') {
    if (probation.untilAge <= age) tryAgain(turn, server, probation);
    else wakeAt(turn, server, probation.untilAge);
  }
  if (quarantine?.phase === 'CLOSED') {
    const { untilAge } = quarantine;
    if (untilAge <= age) endQuarantine(turn, server, quarantine);
    else wakeAt(turn, server, untilAge);
  }
}

function tryAgain(turn: Turn, server: Server, probation: Probation): void {
  const news = newsOf(server, 'SERVER_PROBATION', 'TRIAL', 'is tried with one start at a time');
  setGate(turn, server, { probation: { ...probation, phase: 'TRIAL', untilAge: 0 } }, news);
}

function endQuarantine(turn: Turn, server: Server, quarantine: Quarantine): void {
  const news = newsOf(server, 'SERVER_GATE_OPENED', 'QUARANTINE_OVER', 'takes runs again: its quarantine is over');
  setGate(turn, server, { quarantine: { ...quarantine, phase: 'OVER' } }, news);
}

function wakeAt(turn: Turn, server: Server, untilAge: number): void {
  turn.gateWheel.set(server.id, turn.monoAt(untilAge));
}

const NO_PROBLEMS = { problems: [], probation: undefined } as const;

function setGate(turn: Turn, server: Server, patch: Partial<ServerGate>, telling: Telling): void {
  change(turn, server, { gate: { ...server.gate, ...patch } }, telling);
}

const newsOf = <T extends EventType>({ id }: Server, type: T, cause: CauseOf<T>, message: string): News<T> => ({
  type,
  cause,
  message: `${id} ${message}`,
});

const sameKinds = (a: readonly HostProblem[], b: readonly HostProblem[]): boolean =>
  a.length === b.length && a.every(({ kind }, i) => kind === b[i]?.kind);
