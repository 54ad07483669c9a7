/** Servers: limits, labels, cordon, drain, and the end of a server that will not come back. */
import { LocumError, stateProblem } from '../../../shared/errors.ts';
import type { RunId } from '../../../shared/ids.ts';
import { poolLiveOf, serverLiveOf } from '../cluster/cluster.ts';
import type { Context } from '../cluster/turn.ts';
import type { Attempt, Intent, Run, Server } from '../records/state.ts';
import { endAttempt, isUnended } from '../runs/attempt.ts';
import { planDrain } from '../runs/drain.ts';
import { markSettled } from '../runs/earlier-life.ts';
import { touchServer } from '../servers/liveness.ts';
import { mayHoldWork, removeServer } from '../servers/server-end.ts';
import { type CallOf, checkEtag, goneOutcome, knownServer, type Outcome, serverOutcome } from './outcome.ts';

export function updateServer(ctx: Context, request: CallOf<'update_server'>, validateOnly: boolean): Outcome {
  const server = knownServer(ctx, request.server);
  checkEtag(request.etag, server, `servers/${server.id}`);
  const changed = {
    maxSlots: request.maxSlots === undefined ? server.maxSlots : request.maxSlots.value,
    labels: request.labels ?? server.labels,
  };
  if (validateOnly) return serverOutcome({ ...server, ...changed });
  const limit =
    changed.maxSlots === server.maxSlots ? '' : `: its limit is ${changed.maxSlots ?? "the pool's default"} now`;
  Object.assign(server, changed);
  note(ctx, server, 'SERVER_UPDATED', `${server.id} was changed${limit}`);
  return serverOutcome(server);
}

export function cordonServer(ctx: Context, request: CallOf<'cordon_server'>): Outcome {
  const server = knownServer(ctx, request.server);
  if (server.intent !== 'CORDONED') setIntent(ctx, server, 'CORDONED', `${server.id} takes no new runs`);
  return serverOutcome(server);
}

export function uncordonServer(ctx: Context, request: CallOf<'uncordon_server'>): Outcome {
  const server = knownServer(ctx, request.server);
  if (server.intent !== 'ACTIVE') setIntent(ctx, server, 'ACTIVE', `${server.id} takes runs again`);
  return serverOutcome(server);
}

export function drainServer(ctx: Context, request: CallOf<'drain_server'>, validateOnly: boolean): Outcome {
  const server = knownServer(ctx, request.server);
  const plan = planDrain(ctx, server);
  if (validateOnly) return serverOutcome(server, plan);
  const { wall } = ctx.now;
  setIntent(ctx, server, 'DRAINING', `${server.id} is drained: ${plan.moves.length} runs can move now`);
  const deadlineWall = request.deadlineMs === undefined ? undefined : wall + request.deadlineMs;
  const deadlineAge = request.deadlineMs === undefined ? undefined : ctx.age + request.deadlineMs;
  server.drain = { startWall: wall, deadlineWall, deadlineAge, done: false };
  return serverOutcome(server, plan);
}

function setIntent(ctx: Context, server: Server, intent: Intent, message: string): void {
  server.intent = intent;
  server.drain = undefined;
  const { draining } = poolLiveOf(ctx.state, server.pool);
  if (intent === 'DRAINING') draining.add(server.id);
  else draining.delete(server.id);
  ctx.drainWheel.cancel(server.id);
  note(ctx, server, `SERVER_${intent}`, message);
}

function note(ctx: Context, server: Server, type: string, message: string): void {
  ctx.journal.put(server);
  ctx.journal.event({ type, cause: 'OPERATOR', message, pool: server.pool, server: server.id });
  touchServer(ctx, server);
}

/** Only a server that is away can be deleted; its name stays reserved until every attempt is proven ended. */
export function deleteServer(ctx: Context, request: CallOf<'delete_server'>): Outcome {
  const server = knownServer(ctx, request.server);
  const name = `servers/${server.id}`;
  checkEtag(request.etag, server, name);
  if (server.liveness !== 'MISSING' && server.liveness !== 'LEFT') {
    throw stateProblem(
      'SERVER_ALIVE',
      name,
      `${server.id} is ${server.liveness}: let it leave first (locum agent leave)`,
    );
  }
  if (!mayHoldWork(ctx, server)) {
    removeServer(ctx, server);
    return goneOutcome(name);
  }
  server.deleting = true;
  const what = ctx.state.unsettled.has(server.id) ? 'what it held before the restore is' : 'its attempts are';
  note(ctx, server, 'SERVER_DELETING', `${server.id} goes once ${what} proven ended`);
  return serverOutcome(server);
}

/**
 * An operator's word that a server is dead (proof d): refused unless it is MISSING and is what the operator was shown. LEFT
 * counts as MISSING: an agent can say Goodbye and leave a HOLD attempt behind that nothing else would ever prove ended.
 */
export function confirmServerDead(ctx: Context, request: CallOf<'confirm_server_dead'>): Outcome {
  const server = knownServer(ctx, request.server);
  const name = `servers/${server.id}`;
  if (server.liveness !== 'MISSING' && server.liveness !== 'LEFT') {
    throw stateProblem(
      'SERVER_NOT_MISSING',
      name,
      `${server.id} is ${server.liveness}, not MISSING: nothing was changed`,
    );
  }
  const held = unendedOn(ctx, server);
  const epochs = held.map(({ attempt }) => Number(attempt.epoch)).sort((a, b) => a - b);
  const shown = [...request.epochs].sort((a, b) => a - b);
  const same = epochs.length === shown.length && epochs.every((epoch, index) => epoch === shown[index]);
  if (request.uid !== server.uid || request.bootId !== server.bootId || !same) {
    const message = `${server.id} is not what you were shown (uid ${server.uid}, boot ${server.bootId}, epochs ${epochs.join(', ') || 'none'}): look again before you confirm`;
    throw new LocumError('SERVER_CHANGED', message, { resource: name });
  }
  markSettled(ctx, server);
  ctx.journal.put(server);
  ctx.journal.event({
    type: 'SERVER_CONFIRMED_DEAD',
    cause: 'OPERATOR',
    message: `${ctx.journal.actor} says that ${server.id} is dead: ${request.reason}`,
    pool: server.pool,
    server: server.id,
  });
  const runs: RunId[] = [];
  for (const { run, attempt } of held) {
    endAttempt(ctx, run, attempt, {
      cause: attempt.stopReason === undefined ? 'LOST' : 'STOPPED',
      exitCode: undefined,
      signal: '',
      proof: 'OPERATOR',
      detail: request.reason,
    });
    runs.push(run.id);
  }
  touchServer(ctx, server);
  return serverOutcome(server, { moves: [], stays: [] }, runs);
}

function unendedOn(ctx: Context, server: Server): readonly { readonly run: Run; readonly attempt: Attempt }[] {
  return [...serverLiveOf(ctx.state, server.id).runs].flatMap((id) => {
    const run = ctx.state.runs.get(id);
    const attempts = run?.attempts.filter((attempt) => isUnended(attempt) && attempt.server === server.id) ?? [];
    return run === undefined ? [] : attempts.map((attempt) => ({ run, attempt }));
  });
}
