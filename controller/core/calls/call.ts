/**
 * Administrators' calls: each is judged whole before anything is changed, answered exactly once, and only when what it
 * changed is durable. A request_id makes a retry safe: it is written in the commit of the call's effect.
 */

import type { Rights } from '../../../shared/access/authorize.ts';
import { unreachable } from '../../../shared/assert.ts';
import { LocumError } from '../../../shared/errors.ts';
import { audit, keepRequest } from '../cluster/change.ts';
import type { AdminCall, Call, CallResult, CallValue } from '../cluster/event.ts';
import type { Turn, View } from '../cluster/turn.ts';
import { refreshIndex } from '../placement/capacity.ts';
import type { RequestRecord } from '../records/state.ts';
import { createToken, deleteRole, deleteUser, noteTokenUse, revokeToken, setRole, setUser } from './access-calls.ts';
import { recordAccess } from './audit-calls.ts';
import { rewrapAuthority, rotateAuthority } from './authority-calls.ts';
import { createJoinToken, join, revokeJoinToken } from './enrolment-calls.ts';
import { forgetHook, noteHook } from './hook-calls.ts';
import { moveServerInOrder, setOrder } from './order-calls.ts';
import type { CallOf, Outcome } from './outcome.ts';
import { checkPermission, checkRepeated } from './permitted.ts';
import { planEtagOf } from './plan-etag.ts';
import { createPolicy, deletePolicy, updatePolicy } from './policy-calls.ts';
import { pausePolicy, restartPolicy, resumePolicy, startPolicy, stopPolicy } from './policy-verbs.ts';
import { createPool, deletePool, proceedTakeovers, updatePool } from './pool-calls.ts';
import { currentValue } from './replay.ts';
import { revokeServer } from './revocation-calls.ts';
import { moveRun, releaseRun, stopRun } from './run-calls.ts';
import {
  confirmServerDead,
  cordonServer,
  deleteServer,
  drainServer,
  uncordonServer,
  updateServer,
} from './server-calls.ts';

/** The answer waits until what the call touched is settled, so that it shows where a run was placed by it. */
export function handleCall(turn: Turn, call: AdminCall): void {
  turn.answers.push({ call: call.call, result: answer(turn, call) });
}

/** Takes the answers as copies: what is decided later must not show through. They leave once all of it is durable. */
export function releaseAnswers(turn: Turn): void {
  for (const { call, result } of turn.answers.splice(0)) {
    const copy: CallResult = result.ok ? { ok: true, value: structuredClone(result.value) } : result;
    turn.barrier.hold({ kind: 'reply', call, result: copy });
  }
}

function answer(turn: Turn, call: AdminCall): CallResult {
  try {
    const earlier = call.requestId === '' ? undefined : turn.state.requests.get(call.requestId);
    if (earlier !== undefined) return { ok: true, value: replay(turn, call, earlier) };
    const rights = checkPermission(turn, call);
    // What earlier events of this batch changed must be in the index before a handler asks it.
    for (const server of turn.marked.servers) refreshIndex(turn.state, server);
    const isRemembered = call.requestId !== '' && !call.validateOnly;
    if (isRemembered && !turn.state.requests.hasRoomFor(call.actor)) throw noRoom(call.actor);
    const { written } = turn.journal;
    const request = withRights(call.request, rights);
    const planEtag = planned(turn, { ...call, request });
    const { resource, value } = perform(turn, request, call.validateOnly);
    if (turn.journal.written > written && !OWN_NOTES.has(request.kind)) auditChange(turn, call, resource);
    if (isRemembered) remember(turn, call, resource);
    return { ok: true, value: planEtag === undefined ? value : { ...value, planEtag } };
  } catch (error) {
    // Handlers throw their answers before they change anything; every other error is a defect and ends the process.
    if (error instanceof LocumError) return { ok: false, error };
    throw error;
  }
}

/** Of a dry run, what it would do. @throws LocumError PLAN_CHANGED when that is not what the call asks for */
function planned(turn: Turn, { request, validateOnly, ifPlan = '' }: AdminCall): string | undefined {
  if (!validateOnly && ifPlan === '') return undefined;
  const planEtag = planEtagOf(turn, request, perform(turn, request, true));
  if (ifPlan !== '' && ifPlan !== planEtag) {
    const message =
      'what this would do is no longer what was planned: nothing was changed; plan it again, look, and repeat';
    throw new LocumError('PLAN_CHANGED', message, { metadata: { plan_etag: planEtag } });
  }
  return validateOnly ? planEtag : undefined;
}

/** Whoever gives or takes rights is judged by his own. */
const withRights = (request: Call, rights: Rights | undefined): Call =>
  isAboutAccess(request) ? { ...request, rights } : request;

type AboutAccess = CallOf<'set_role' | 'delete_role' | 'create_token' | 'revoke_token' | 'set_user' | 'delete_user'>;

const ABOUT_ACCESS: ReadonlySet<Call['kind']> = new Set<AboutAccess['kind']>([
  ...(['set_role', 'delete_role', 'create_token', 'revoke_token', 'set_user', 'delete_user'] as const),
]);

const isAboutAccess = (request: Call): request is AboutAccess => ABOUT_ACCESS.has(request.kind);

/** What controllers note by themselves is nobody's change. */
const OWN_NOTES: ReadonlySet<Call['kind']> = new Set(['record_access', 'note_token_use', 'note_hook']);

/** Of a call that changed nothing there is nothing to tell; a repeated one was told of when it was carried out. */
function auditChange(turn: Turn, call: AdminCall, resource: string): void {
  const { actor: principal, requestId, origin } = call;
  const { wall } = turn.now;
  const what = { kind: 'CHANGE', ...origin, principal, resource, requestId, outcome: 'OK' } as const;
  audit(turn, 'CHANGES', { ...what, count: 1, firstWall: wall, lastWall: wall });
}

/** The answer that was remembered is for whoever made the call, and as far as he still may. */
function replay(turn: View, call: AdminCall, { client, fingerprint, resource }: RequestRecord): CallValue {
  if (client !== call.actor) {
    checkPermission(turn, call);
    throw reused(call, 'by somebody else');
  }
  checkRepeated(turn, call, resource);
  if (fingerprint !== call.fingerprint) throw reused(call, 'with other arguments');
  const value = currentValue(turn, call.request, resource);
  // Not NOT_FOUND: the caller would take it for a refusal of what has happened.
  if (value === undefined) {
    const message = `this call was carried out before, with request_id ${call.requestId}; ${resource} has been deleted since`;
    throw new LocumError('DELETED_SINCE', message, { resource });
  }
  return value;
}

function reused({ requestId }: AdminCall, how: string): LocumError {
  const message = `request_id ${requestId} was used ${how} within the last hour: use a new one for a new request`;
  return new LocumError('REQUEST_ID_REUSED', message);
}

/** How long somebody should wait who has made so many calls that room comes only with the hour. */
const NO_ROOM_MS = 60_000;

function noRoom(client: string): LocumError {
  const message = `${client} made so many calls with a request_id that no more can be remembered for their hour`;
  return new LocumError('TOO_MANY_REQUESTS', message, { retryAfterMs: NO_ROOM_MS });
}

function remember(turn: Turn, call: AdminCall, resource: string): void {
  const { requestId: id, actor: client, fingerprint } = call;
  keepRequest(turn, { kind: 'request', id, client, age: turn.age, fingerprint, resource });
}

function perform(turn: Turn, request: Call, validateOnly: boolean): Outcome {
  switch (request.kind) {
    case 'create_pool':
      return createPool(turn, request, validateOnly);
    case 'update_pool':
      return updatePool(turn, request, validateOnly);
    case 'delete_pool':
      return deletePool(turn, request, validateOnly);
    case 'set_order':
      return setOrder(turn, request, validateOnly);
    case 'move_server':
      return moveServerInOrder(turn, request, validateOnly);
    case 'update_server':
      return updateServer(turn, request, validateOnly);
    case 'delete_server':
      return deleteServer(turn, request, validateOnly);
    case 'cordon_server':
      return cordonServer(turn, request, validateOnly);
    case 'uncordon_server':
      return uncordonServer(turn, request, validateOnly);
    case 'drain_server':
      return drainServer(turn, request, validateOnly);
    case 'confirm_server_dead':
      return confirmServerDead(turn, request, validateOnly);
    case 'create_policy':
      return createPolicy(turn, request, validateOnly);
    case 'update_policy':
      return updatePolicy(turn, request, validateOnly);
    case 'delete_policy':
      return deletePolicy(turn, request, validateOnly);
    case 'start_policy':
      return startPolicy(turn, request, validateOnly);
    case 'stop_policy':
      return stopPolicy(turn, request, validateOnly);
    case 'restart_policy':
      return restartPolicy(turn, request, validateOnly);
    case 'pause_policy':
      return pausePolicy(turn, request, validateOnly);
    case 'resume_policy':
      return resumePolicy(turn, request, validateOnly);
    case 'move_run':
      return moveRun(turn, request, validateOnly);
    case 'stop_run':
      return stopRun(turn, request, validateOnly);
    case 'release_run':
      return releaseRun(turn, request, validateOnly);
    case 'proceed_takeovers':
      return proceedTakeovers(turn, request, validateOnly);
    case 'set_role':
    case 'delete_role':
    case 'create_token':
    case 'revoke_token':
    case 'note_token_use':
    case 'set_user':
    case 'delete_user':
    case 'create_join_token':
    case 'revoke_join_token':
    case 'join':
    case 'revoke_server':
    case 'rotate_authority':
    case 'rewrap_authority':
      return performAccess(turn, request, validateOnly);
    case 'record_access':
      return recordAccess(turn, request, validateOnly);
    case 'note_hook':
      return noteHook(turn, request, validateOnly);
    case 'forget_hook':
      return forgetHook(turn, request, validateOnly);
    default:
      return unreachable(request);
  }
}

/** Of who may call, who may join, and who stands for that. */
function performAccess(
  turn: Turn,
  request: CallOf<
    | 'set_role'
    | 'delete_role'
    | 'create_token'
    | 'revoke_token'
    | 'note_token_use'
    | 'set_user'
    | 'delete_user'
    | 'create_join_token'
    | 'revoke_join_token'
    | 'join'
    | 'revoke_server'
    | 'rotate_authority'
    | 'rewrap_authority'
  >,
  validateOnly: boolean,
): Outcome {
  switch (request.kind) {
    case 'set_role':
      return setRole(turn, request, validateOnly);
    case 'delete_role':
      return deleteRole(turn, request, validateOnly);
    case 'create_token':
      return createToken(turn, request, validateOnly);
    case 'revoke_token':
      return revokeToken(turn, request, validateOnly);
    case 'rotate_authority':
      return rotateAuthority(turn, request, validateOnly);
    case 'rewrap_authority':
      return rewrapAuthority(turn, request, validateOnly);
    case 'note_token_use':
      return noteTokenUse(turn, request, validateOnly);
    case 'set_user':
      return setUser(turn, request, validateOnly);
    case 'delete_user':
      return deleteUser(turn, request, validateOnly);
    case 'create_join_token':
      return createJoinToken(turn, request, validateOnly);
    case 'revoke_join_token':
      return revokeJoinToken(turn, request, validateOnly);
    case 'join':
      return join(turn, request, validateOnly);
    case 'revoke_server':
      return revokeServer(turn, request, validateOnly);
  }
}
