/**
 * The agent's side of the keeper (semantics: A7, A9). The keeper owns the processes and their deadlines, and its table is the
 * truth about them. A keeper that is dead or silent owns nothing any more: the agent kills what is bound by a lease.
 */
import { SECOND } from '../../shared/time.ts';
import { type Attempt, bounded, endedStatus, isBoundByLease, isLiving, keyOf, refOf } from './attempt.ts';
import type { FromKeeper, KeptAttempt } from './event.ts';
import { newHealth } from './health.ts';
import { acknowledgeExtension, askForStop } from './lease.ts';
import { isSpent, spend } from './spent.ts';
import { applied, finishStart } from './start.ts';
import type { AgentState, Keeper } from './state.ts';
import { answerCommand, askKeeper, changeStatus, log, send, type Turn } from './turn.ts';

/** A9: a keeper that does not answer a ping for this long is as good as dead, whatever else it says. */
export const KEEPER_SILENT_MS = 2 * SECOND;
/** Between two pings while something runs, and the longest while nothing does. */
const PING_MS = { running: SECOND, idle: 5 * SECOND };
const REOPEN_MS = SECOND;

type Opened = Extract<FromKeeper, { kind: 'keeper_opened' }>;

/**
 * A connection is open, to a keeper that went on or to a new one. A7: runs are adopted only from its table. What is not in it does
 * not run: a keeper kills everything else that it finds of this state directory before it answers.
 */
export function adoptTable(turn: Turn, opened: Opened): void {
  const { state, now } = turn;
  state.keeper = {
    kind: 'live',
    pid: opened.pid,
    containment: opened.containment,
    pingedAt: undefined,
    nextPingAt: now.mono + PING_MS.running,
  };
  state.keeperGoneMono = undefined;
  state.highestTerm = Math.max(state.highestTerm, opened.highestTerm);
  // Of an agent that was restarted with nothing to list, too: by it a store that is an older copy is noticed (C9).
  state.highestEpoch = Math.max(state.highestEpoch, opened.highestEpoch);
  const listed = new Set(opened.attempts.map(({ status }) => keyOf(status)));
  for (const kept of opened.attempts) adopt(turn, kept);
  for (const [key, attempt] of state.attempts) {
    attempt.starting = false;
    if (listed.has(key) || !isLiving(attempt)) continue;
    const end = { cause: 'LOST', detail: 'its keeper ended, and the next one does not have it' } as const;
    changeStatus(turn, attempt, endedStatus(attempt.status, end, now.wall));
  }
  log(turn, 'info', 'connected to the keeper', { keeperPid: opened.pid, attempts: opened.attempts.length });
}

/** Takes an attempt as the keeper has it, new or changed. */
function adopt(turn: Turn, kept: KeptAttempt): void {
  const { state } = turn;
  const { status, deadline, terms, cgroup, startTicks, slots } = kept;
  state.highestEpoch = Math.max(state.highestEpoch, status.epoch);
  if (!isSpent(state.spent, status.run, status.epoch)) {
    spend(state.spent, status.run, status.epoch, applied('APPLIED', '', status.pid));
  }
  const known = state.attempts.get(keyOf(status));
  if (known === undefined) {
    const attempt: Attempt = {
      ...{ status, terms, slots, deadline, cgroup, startTicks, starting: false, change: 0 },
      health: newHealth(kept.healthCheck),
      ...{ isGranted: false, stop: undefined, doubtUntil: undefined },
    };
    state.attempts.set(keyOf(status), attempt);
    takeStatus(turn, attempt, kept);
    return;
  }
  known.deadline = deadline;
  known.starting = false;
  takeStatus(turn, known, kept);
  // A stop that was decided while the keeper was away, or whose request was lost with the connection.
  if (isLiving(known) && status.state !== 'STOPPING') askForStop(turn, known);
}

/** Takes what the keeper says of an attempt. A stop that the keeper began by itself is as final as one of ours (A5). */
function takeStatus(turn: Turn, attempt: Attempt, { status, cgroup, startTicks }: KeptAttempt): void {
  // Ended is final, and was reported.
  if (!isLiving(attempt) && status.state === 'ENDED' && attempt.change > 0) return;
  attempt.cgroup = cgroup;
  attempt.startTicks = startTicks;
  if (status.state === 'STOPPING') attempt.stop ??= { cause: 'LAPSED', reason: 'the keeper stops it' };
  const { health } = attempt.status;
  const end = status.end && { ...status.end, detail: bounded(status.end.detail) };
  // The keeper knows nothing of its health.
  changeStatus(turn, attempt, { ...status, end, ...(health === undefined ? {} : { health }) });
}

/** One attempt changed. The keeper says it before the answer to the request that changed it. */
export function acceptChange(turn: Turn, kept: KeptAttempt): void {
  const known = turn.state.attempts.get(keyOf(kept.status));
  // Acknowledged and forgotten meanwhile.
  if (known === undefined && kept.status.state === 'ENDED') return;
  if (known === undefined) adopt(turn, kept);
  else takeStatus(turn, known, kept);
}

export function acceptResult(turn: Turn, result: Extract<FromKeeper, { kind: 'keeper_result' }>): void {
  const { state } = turn;
  const pending = state.pending.get(result.request);
  state.pending.delete(result.request);
  switch (pending?.kind) {
    case 'start':
      finishStart(turn, pending, result);
      break;
    case 'stop':
      if (pending.reply !== undefined && pending.reply.stream === state.session?.stream) {
        const { stream, commandId } = pending.reply;
        answerCommand(turn, stream, commandId, applied(result.ok ? 'APPLIED' : 'ALREADY_APPLIED', result.reason));
      }
      break;
    case 'extend':
      if (result.ok) acknowledgeExtension(turn, pending, result.refused);
      break;
    case 'read':
    case 'other':
    case undefined:
      break;
  }
}

export function acceptOutput(turn: Turn, output: Extract<FromKeeper, { kind: 'keeper_output' }>): void {
  const pending = turn.state.pending.get(output.request);
  turn.state.pending.delete(output.request);
  if (pending?.kind !== 'read' || pending.stream !== turn.state.session?.stream) return;
  send(turn, pending.stream, { kind: 'output_chunk', requestId: pending.requestId, chunk: output.chunk });
}

/** The connection ended or could not be made. What was asked is not known to be done; the next table tells. */
export function loseKeeper(turn: Turn, detail: string): void {
  const { state, now } = turn;
  state.pending.clear();
  switch (state.keeper.kind) {
    case 'live':
      if (isToEnd(state)) {
        log(turn, 'info', 'the keeper ends');
        state.keeper = { kind: 'opening', retryAt: undefined, problem: '' };
        break;
      }
      log(turn, 'warn', 'the connection to the keeper ended', { detail });
      state.keeper = { kind: 'lost', pid: state.keeper.pid, since: now.mono };
      state.keeperGoneMono = now.mono;
      turn.effects.push({ kind: 'open_keeper', mayStart: false });
      break;
    case 'lost':
      killTrees(turn, state.keeper.pid, `the keeper is gone: ${detail}`);
      break;
    case 'opening':
      // Once, and not each second for as long as it lasts.
      if (state.keeper.problem !== detail) log(turn, 'error', 'there is no keeper, it is waited for', { detail });
      state.keeper = { kind: 'opening', retryAt: now.mono + REOPEN_MS, problem: detail };
      break;
    case 'killing':
      break;
  }
}

/**
 * After a Goodbye, or when it said so itself, as at its host's shutdown, its end is in order where nothing lives: a kill would only cut its
 * last words to the disk short.
 */
const isToEnd = ({ leaving, attempts }: AgentState): boolean =>
  (leaving?.goodbye !== undefined || leaving?.reason === 'SHUTDOWN') && ![...attempts.values()].some(isLiving);

/** A9: kills the keeper for certain, so that nothing it has not read yet can start, and then every tree that is bound by a lease. */
function killTrees(turn: Turn, keeperPid: number, reason: string): void {
  const { state } = turn;
  const bound = [...state.attempts.values()].filter(isBoundByLease);
  const trees = bound.map((attempt) => {
    const { status, cgroup, startTicks } = attempt;
    return { ...refOf(attempt), cgroup, pid: status.pid, startTicks };
  });
  log(turn, 'error', 'killing the keeper and its trees', { reason, trees: trees.length });
  state.pending.clear();
  state.keeperGoneMono ??= turn.now.mono;
  state.keeper = { kind: 'killing' };
  turn.effects.push({ kind: 'kill_trees', keeperPid, trees });
}

/** The old keeper is dead. What is not proven empty is left to the next one, which kills before it answers. */
export function acceptKilled(turn: Turn, result: Extract<FromKeeper, { kind: 'trees_killed' }>): void {
  const { state, now } = turn;
  for (const ref of result.killed) {
    const attempt = state.attempts.get(keyOf(ref));
    if (attempt === undefined || !isLiving(attempt)) continue;
    const end = {
      cause: attempt.stop?.cause ?? 'LOST',
      detail: 'its keeper was dead or silent, so it was killed',
    } as const;
    changeStatus(turn, attempt, endedStatus(attempt.status, end, now.wall));
  }
  for (const ref of result.left) {
    const attempt = state.attempts.get(keyOf(ref));
    if (attempt !== undefined && isLiving(attempt)) changeStatus(turn, attempt, { ...attempt.status, state: 'STUCK' });
  }
  openKeeper(turn);
}

export function openKeeper(turn: Turn): void {
  const { keeper } = turn.state;
  const problem = keeper.kind === 'opening' ? keeper.problem : '';
  turn.state.keeper = { kind: 'opening', retryAt: undefined, problem };
  turn.effects.push({ kind: 'open_keeper', mayStart: true });
}

/** Called at the end of every step: asks whether the keeper is there, and acts when it is not. */
export function watchKeeper(turn: Turn): void {
  const { state, now } = turn;
  const { keeper } = state;
  switch (keeper.kind) {
    case 'live':
      keeper.nextPingAt = Math.min(keeper.nextPingAt, now.mono + pingEveryMs(turn));
      if (keeper.pingedAt !== undefined && now.mono - keeper.pingedAt >= KEEPER_SILENT_MS) {
        killTrees(turn, keeper.pid, 'the keeper is silent');
      } else if (now.mono >= keeper.nextPingAt) ping(turn, keeper);
      break;
    case 'lost':
      if (now.mono - keeper.since >= KEEPER_SILENT_MS) killTrees(turn, keeper.pid, 'the keeper does not come back');
      break;
    case 'opening':
      if (keeper.retryAt !== undefined && now.mono >= keeper.retryAt) openKeeper(turn);
      break;
    case 'killing':
      break;
  }
}

function pingEveryMs({ state }: Turn): number {
  return [...state.attempts.values()].some(isLiving) ? PING_MS.running : PING_MS.idle;
}

function ping(turn: Turn, keeper: Extract<Keeper, { kind: 'live' }>): void {
  const { state, now } = turn;
  keeper.nextPingAt = now.mono + pingEveryMs(turn);
  // Again also while one is open: that its hands failed it once is no reason to kill what it keeps.
  keeper.pingedAt ??= now.mono;
  turn.state.lastRequest += 1;
  turn.effects.push({
    kind: 'ask_keeper',
    request: turn.state.lastRequest,
    ask: { kind: 'ping', highestTerm: state.highestTerm },
  });
}

/** Nothing else that the keeper says proves that it could kill: a loop may go on while its hands are stuck. */
export function acceptPong({ state }: Turn): void {
  if (state.keeper.kind === 'live') state.keeper.pingedAt = undefined;
}

/** When watchKeeper has something to do by itself, monotonic; undefined: never. */
export function nextKeeperCheck({ state }: Turn): number | undefined {
  const { keeper } = state;
  switch (keeper.kind) {
    case 'live':
      return Math.min(keeper.nextPingAt, (keeper.pingedAt ?? Number.POSITIVE_INFINITY) + KEEPER_SILENT_MS);
    case 'lost':
      return keeper.since + KEEPER_SILENT_MS;
    case 'opening':
      return keeper.retryAt;
    case 'killing':
      return undefined;
  }
}

/** For the shell's requests that need a live keeper and get no answer of their own. */
export function askKeeperToExit(turn: Turn, forget: boolean): void {
  if (turn.state.keeper.kind === 'live') askKeeper(turn, { kind: 'exit', stopAll: true, forget }, { kind: 'other' });
}
