/** Policies: create, change, delete. Form is checked by the API; here stands what needs the state or a parser. */
import { deepEqual } from '../../../shared/deep-equal.ts';
import { alreadyExists, badField, invalidField, LocumError, notFound } from '../../../shared/errors.ts';
import type { RunId } from '../../../shared/ids.ts';
import { change, create, SILENT } from '../cluster/change.ts';
import { policyLiveOf } from '../cluster/cluster.ts';
import type { Turn, View } from '../cluster/turn.ts';
import { parseRequirement, type Requirement } from '../records/capability.ts';
import { impliedRequirements } from '../records/implied-requirements.ts';
import { nextUid } from '../records/meta.ts';
import type { Policy, PolicySpec } from '../records/state.ts';
import { takeoverWaitMs } from '../records/timers.ts';
import { couldEverTake } from '../runs/placing.ts';
import { upkeep } from '../runs/upkeep.ts';
import { type CallOf, checkEtag, goneOutcome, knownPolicy, type Outcome, policyOutcome } from './outcome.ts';
import { effectsOf } from './policy-effects.ts';

export function createPolicy(turn: Turn, request: CallOf<'create_policy'>, validateOnly: boolean): Outcome {
  const { state } = turn;
  const existing = state.policies.get(request.policy);
  if (existing?.deleting) throw deletingError(existing);
  if (existing !== undefined) throw alreadyExists(`policies/${request.policy}`);
  const { spec, requirements } = checkSpec(turn, request.spec);
  const policy: Policy = {
    kind: 'policy',
    id: request.policy,
    uid: validateOnly ? ('' as Policy['uid']) : nextUid(state.meta),
    version: 0,
    createWall: turn.now.wall,
    updateWall: turn.now.wall,
    spec,
    paused: false,
    deleting: false,
    lastTickWall: undefined,
    skippedTicks: 0,
    owesRun: false,
    scheduledFromWall: undefined,
  };
  const shown = { before: undefined, effects: effectsOf(turn, { policy, spec, requirements }) };
  if (validateOnly) return policyOutcome(policy, warnings(turn, policy, requirements), shown);
  create(turn, policy, { type: 'POLICY_CREATED', cause: 'OPERATOR', message: `${policy.id} was created` });
  return policyOutcome(policy, warnings(turn, policy), shown);
}

export function updatePolicy(turn: Turn, request: CallOf<'update_policy'>, validateOnly: boolean): Outcome {
  const { state } = turn;
  const policy = state.policies.get(request.policy);
  if (policy === undefined) {
    if (request.createAs === undefined) throw notFound(`policies/${request.policy}`);
    return createPolicy(turn, { kind: 'create_policy', policy: request.policy, spec: request.createAs }, validateOnly);
  }
  if (policy.deleting) throw deletingError(policy);
  checkEtag(request.etag, policy, `policies/${policy.id}`);
  const { pool } = request.patch;
  if (pool !== undefined && pool !== policy.spec.pool) {
    throw badField(
      'IMMUTABLE_FIELD',
      'policy.pool',
      `${policy.id} is in pool ${policy.spec.pool} for ever; create another policy`,
    );
  }
  const { spec, requirements } = checkSpec(turn, { ...policy.spec, ...definedOnly(request.patch) });
  const shown = { before: policy.spec, effects: effectsOf(turn, { policy, spec, requirements }) };
  if (deepEqual(spec, policy.spec)) return policyOutcome(policy, warnings(turn, policy), { ...shown, effects: [] });
  if (validateOnly) {
    const tried = { ...policy, spec };
    return policyOutcome(tried, warnings(turn, tried, requirements), shown);
  }
  const rescheduled = !deepEqual(spec.trigger, policy.spec.trigger);
  const message = `${policy.id} was changed; what runs keeps its terms until its next attempt`;
  const patch = rescheduled ? { spec, scheduledFromWall: turn.now.wall, owesRun: false } : { spec };
  change(turn, policy, patch, { type: 'POLICY_UPDATED', cause: 'OPERATOR', message });
  for (const id of policyLiveOf(state, policy).runs) reprioritize(turn, id, spec.priority);
  return policyOutcome(policy, warnings(turn, policy), shown);
}

/** A run that waits, or is going to be moved, takes its new priority at once. */
function reprioritize(turn: Turn, id: RunId, priority: number): void {
  const run = turn.state.runs.get(id);
  // The change of its policy is told.
  if (run !== undefined) change(turn, run, { priority }, SILENT);
}

/** Fields of a policy that may be set back to undefined. Others are only replaced. */
const OPTIONAL_FIELDS: readonly string[] = [
  'stopTimeoutMs',
  'timeLimitMs',
  'healthCheck',
  'failback',
] satisfies (keyof PolicySpec)[];

function definedOnly(patch: CallOf<'update_policy'>['patch']): Partial<PolicySpec> {
  const entries = Object.entries(patch).filter(([key, value]) => value !== undefined || OPTIONAL_FIELDS.includes(key));
  return Object.fromEntries(entries);
}

export function deletePolicy(turn: Turn, request: CallOf<'delete_policy'>, validateOnly: boolean): Outcome {
  const policy = knownPolicy(turn, request.policy);
  checkEtag(request.etag, policy, `policies/${policy.id}`);
  if (validateOnly) {
    const isFree = policyLiveOf(turn.state, policy).runs.size === 0;
    return isFree ? goneOutcome(`policies/${policy.id}`) : policyOutcome({ ...policy, deleting: true });
  }
  const message = `${policy.id} is being deleted: its runs stop first`;
  change(turn, policy, { deleting: true }, { type: 'POLICY_DELETING', cause: 'OPERATOR', message });
  upkeep(turn, policy);
  if (turn.state.policies.has(policy.id)) return policyOutcome(policy);
  return goneOutcome(`policies/${policy.id}`);
}

/** What needs a parser or the state. Requirements come back in their canonical text, and parsed with those that the workload implies. */
function checkSpec(
  turn: Turn,
  spec: PolicySpec,
): { readonly spec: PolicySpec; readonly requirements: readonly Requirement[] } {
  if (!turn.state.pools.has(spec.pool)) throw notFound(`pools/${spec.pool}`);
  const requirements = spec.requirements.map((text, index) => {
    const parsed = parseRequirement(text);
    if (parsed.kind === 'ok') return parsed.requirement;
    throw badField('REQUIREMENT_INVALID', `policy.requirements[${index}]`, parsed.detail);
  });
  if (spec.trigger.kind === 'continuous') refuseEnds(spec);
  if (spec.trigger.kind === 'schedule') {
    const next = turn.schedules(spec.trigger, turn.now.wall);
    const field = 'policy.trigger.schedule';
    if (next.kind === 'invalid') throw badField('SCHEDULE_INVALID', `${field}.${next.field}`, next.description);
    if (next.kind === 'never') {
      throw badField('SCHEDULE_NEVER_FIRES', `${field}.cron`, `${spec.trigger.cron} names no time that ever comes`);
    }
  }
  return {
    spec: { ...spec, requirements: requirements.map((requirement) => requirement.text) },
    requirements: [...requirements, ...impliedRequirements(spec.workload)],
  };
}

/** What runs all the time has no end that could be set. */
function refuseEnds({ restart, timeLimitMs }: PolicySpec): void {
  const field =
    restart.maxFailures !== undefined ? 'restart.max_failures' : timeLimitMs !== undefined ? 'time_limit' : undefined;
  if (field === undefined) return;
  throw invalidField(`policy.${field}`, 'a continuous policy runs all the time: pause or delete it instead');
}

/** `requirements`: parsed, of a policy that is only tried. */
function warnings(turn: View, policy: Policy, requirements?: readonly Requirement[]): readonly string[] {
  const found: string[] = [];
  const never = couldEverTake(turn, policy, policy.spec.slots, requirements);
  if (never !== undefined) found.push(`it waits: ${never}`);
  const timers = turn.state.pools.get(policy.spec.pool)?.timers;
  if (timers !== undefined && policy.spec.onDisconnect === 'STOP') {
    const stopTimeoutMs = policy.spec.stopTimeoutMs ?? timers.stopTimeoutMs;
    const wait = takeoverWaitMs({ ...timers, stopTimeoutMs });
    if (wait > timers.missingAfterMs) {
      found.push(
        `its takeover from a missing server takes ${wait / 1000} s, since its stop_timeout is ${stopTimeoutMs / 1000} s`,
      );
    }
  }
  return found;
}

export const deletingError = (policy: Policy): LocumError =>
  new LocumError(
    'POLICY_DELETING',
    `policies/${policy.id} is being deleted; its name is free once its runs are proven ended`,
    {
      resource: `policies/${policy.id}`,
      retryAfterMs: 5_000,
    },
  );
