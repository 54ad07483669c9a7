/** Servers: limits, labels, cordon, drain, and the end of a server that will not come back. */
import { LocumError, stateProblem } from '../../../shared/errors.ts';
import type { RunId } from '../../../shared/ids.ts';
import { change, type News, tell } from '../cluster/change.ts';
import { serverLiveOf } from '../cluster/cluster.ts';
import type { Turn, View } from '../cluster/turn.ts';
import { bootMark } from '../records/boot-mark.ts';
import type { EventCausedBy } from '../records/event-type.ts';
import type { Attempt, Run, Server } from '../records/state.ts';
import { endAttempt, isUnended } from '../runs/attempt.ts';
import { planDrain } from '../runs/drain.ts';
import { markSettled } from '../runs/earlier-life.ts';
import { startsWithLimit } from '../runs/limit-plan.ts';
import { mayHoldWork, removeServer } from '../servers/server-end.ts';
import {
  type CallOf,
  checkEtag,
  EMPTY_PLAN,
  goneOutcome,
  knownServer,
  type Outcome,
  serverOutcome,
} from './outcome.ts';

export function updateServer(turn: Turn, request: CallOf<'update_server'>, validateOnly: boolean): Outcome {
  const server = knownServer(turn, request.server);
  checkEtag(request.etag, server, `servers/${server.id}`);
  const changed = {
    maxSlots: request.maxSlots === undefined ? server.maxSlots : request.maxSlots.value,
    labels: request.labels ?? server.labels,
  };
  if (validateOnly) {
    const limited = { ...server, ...changed };
    const starts = startsWithLimit(turn, limited).map(({ run }) => run);
    return serverOutcome(limited, EMPTY_PLAN, [], { starts });
  }
  const limit =
    changed.maxSlots === server.maxSlots ? '' : `: its limit is ${changed.maxSlots ?? "the pool's default"} now`;
  change(turn, server, changed, newsOf('SERVER_UPDATED', `${server.id} was changed${limit}`));
  return serverOutcome(server);
}

export function cordonServer(turn: Turn, request: CallOf<'cordon_server'>, validateOnly: boolean): Outcome {
  const server = knownServer(turn, request.server);
  const patch = { intent: 'CORDONED', drain: undefined } as const;
  if (validateOnly) return serverOutcome({ ...server, ...patch });
  setIntent(turn, server, patch, `${server.id} takes no new runs`);
  return serverOutcome(server);
}

export function uncordonServer(turn: Turn, request: CallOf<'uncordon_server'>, validateOnly: boolean): Outcome {
  const server = knownServer(turn, request.server);
  const patch = { intent: 'ACTIVE', drain: undefined } as const;
  if (validateOnly) return serverOutcome({ ...server, ...patch });
  setIntent(turn, server, patch, `${server.id} takes runs again`);
  return serverOutcome(server);
}

export function drainServer(turn: Turn, request: CallOf<'drain_server'>, validateOnly: boolean): Outcome {
  const server = knownServer(turn, request.server);
  const { letFinish } = request;
  const plan = planDrain(turn, server, letFinish);
  if (validateOnly) return serverOutcome(server, plan);
  const { wall } = turn.now;
  const deadlineWall = request.deadlineMs === undefined ? undefined : wall + request.deadlineMs;
  const deadlineAge = request.deadlineMs === undefined ? undefined : turn.age + request.deadlineMs;
  const drain = { startWall: wall, deadlineWall, deadlineAge, letFinish, done: false };
  const message = `${server.id} is drained: ${plan.moves.length} runs can move now`;
  setIntent(turn, server, { intent: 'DRAINING', drain }, message);
  return serverOutcome(server, plan);
}

function setIntent(turn: Turn, server: Server, patch: Pick<Server, 'intent' | 'drain'>, message: string): void {
  if (change(turn, server, patch, newsOf(`SERVER_${patch.intent}`, message))) turn.drainWheel.cancel(server.id);
}

const newsOf = <T extends EventCausedBy<'OPERATOR'>>(type: T, message: string): News<T> => ({
  type,
  cause: 'OPERATOR',
  message,
});

/** Only a server that is away can be deleted; its name stays reserved until every attempt is proven ended. */
export function deleteServer(turn: Turn, request: CallOf<'delete_server'>, validateOnly: boolean): Outcome {
  const server = knownServer(turn, request.server);
  const name = `servers/${server.id}`;
  checkEtag(request.etag, server, name);
  if (server.liveness !== 'MISSING' && server.liveness !== 'LEFT') {
    throw stateProblem(
      'SERVER_ALIVE',
      name,
      `${server.id} is ${server.liveness}: let it leave first (locum agent leave)`,
    );
  }
  const isFree = !mayHoldWork(turn, server);
  if (validateOnly) return isFree ? goneOutcome(name) : serverOutcome({ ...server, deleting: true });
  if (isFree) {
    removeServer(turn, server);
    return goneOutcome(name);
  }
  const what = turn.state.unsettled.has(server.id) ? 'what it held before the restore is' : 'its attempts are';
  const news = newsOf('SERVER_DELETING', `${server.id} goes once ${what} proven ended`);
  change(turn, server, { deleting: true }, news);
  return serverOutcome(server);
}

/**
 * An operator's word that a server is dead (proof d): refused unless it is MISSING and is what the operator was shown. LEFT
 * counts as MISSING: an agent can say Goodbye and leave a HOLD attempt behind that nothing else would ever prove ended.
 */
export function confirmServerDead(turn: Turn, request: CallOf<'confirm_server_dead'>, validateOnly: boolean): Outcome {
  const server = knownServer(turn, request.server);
  const name = `servers/${server.id}`;
  if (server.liveness !== 'MISSING' && server.liveness !== 'LEFT') {
    throw stateProblem(
      'SERVER_NOT_MISSING',
      name,
      `${server.id} is ${server.liveness}, not MISSING: nothing was changed`,
    );
  }
  const held = unendedOn(turn, server);
  const epochs = held.map(({ attempt }) => Number(attempt.epoch)).sort((a, b) => a - b);
  const shown = [...request.epochs].sort((a, b) => a - b);
  const same = epochs.length === shown.length && epochs.every((epoch, index) => epoch === shown[index]);
  if (request.uid !== server.uid || request.boot !== bootMark(server) || !same) {
    const message = `${server.id} is not what you were shown (uid ${server.uid}, boot ${bootMark(server)}, epochs ${epochs.join(', ') || 'none'}): look again before you confirm`;
    throw new LocumError('SERVER_CHANGED', message, { resource: name });
  }
  if (validateOnly) {
    return serverOutcome(
      server,
      EMPTY_PLAN,
      held.map(({ run }) => run.id),
    );
  }
  markSettled(turn, server);
  const message = `${turn.journal.actor} says that ${server.id} is dead: ${request.reason}`;
  tell(turn, server, newsOf('SERVER_CONFIRMED_DEAD', message));
  const runs: RunId[] = [];
  for (const { run, attempt } of held) {
    endAttempt(turn, run, attempt, {
      cause: attempt.stopReason === undefined ? 'LOST' : 'STOPPED',
      exitCode: undefined,
      signal: '',
      proof: 'OPERATOR',
      detail: request.reason,
    });
    runs.push(run.id);
  }
  return serverOutcome(server, EMPTY_PLAN, runs);
}

function unendedOn(turn: View, server: Server): readonly { readonly run: Run; readonly attempt: Attempt }[] {
  return [...serverLiveOf(turn.state, server.id).runs].flatMap((id) => {
    const run = turn.state.runs.get(id);
    const attempts = run?.attempts.filter((attempt) => isUnended(attempt) && attempt.server === server.id) ?? [];
    return run === undefined ? [] : attempts.map((attempt) => ({ run, attempt }));
  });
}
