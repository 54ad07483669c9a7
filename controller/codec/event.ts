/** Lines of the event log: core ⇄ locum.v1.Event, which is what the store keeps too. */
import { create } from '@bufbuild/protobuf';
import { fromUint64, toUint64 } from '../../shared/codec/numbers.ts';
import { requiredId, requiredTime } from '../../shared/codec/required.ts';
import { EventSchema, type Event as PbEvent } from '../../shared/gen/locum/v1/event_pb.ts';
import { epoch } from '../../shared/ids.ts';
import {
  eventName,
  parseEventName,
  parsePolicyName,
  parsePoolName,
  parseRunName,
  parseServerName,
  policyName,
  poolName,
  runName,
  serverName,
} from '../../shared/resource-name.ts';
import { toTimestamp } from '../../shared/rpc/time-messages.ts';
import { causeOf } from '../core/records/event-cause.ts';
import { severityOf } from '../core/records/event-severity.ts';
import { eventTypeOf } from '../core/records/event-type.ts';
import { UNKNOWN_WORD } from '../core/records/run-reason.ts';
import type { EventRecord } from '../core/records/state.ts';

export function eventToProto(event: EventRecord): PbEvent {
  return create(EventSchema, {
    name: eventName(event.number),
    time: toTimestamp(event.wall),
    type: event.type,
    cause: event.cause,
    actor: event.actor,
    message: event.message,
    server: event.server === undefined ? '' : serverName(event.server),
    policy: event.policy === undefined ? '' : policyName(event.policy),
    run: event.run === undefined ? '' : runName(event.run),
    epoch: toUint64(event.epoch ?? 0),
    pool: event.pool === undefined ? '' : poolName(event.pool),
    term: toUint64(event.term),
    details: { ...event.details },
  });
}

/** As people and programs are shown it: with what follows from its type. */
export const shownEvent = (event: EventRecord): PbEvent => ({
  ...eventToProto(event),
  severity: severityOf(event.type) ?? '',
});

/** @throws LocumError INVALID_FIELD for a damaged record. */
export function eventFromProto(event: PbEvent): EventRecord {
  return {
    kind: 'event',
    number: requiredId(parseEventName, event.name, 'name'),
    wall: requiredTime(event.time, 'time'),
    type: eventTypeOf(event.type) ?? UNKNOWN_WORD,
    cause: causeOf(event.cause),
    actor: event.actor,
    message: event.message,
    term: fromUint64(event.term, 'term'),
    ...(event.pool === '' ? {} : { pool: requiredId(parsePoolName, event.pool, 'pool') }),
    ...(event.server === '' ? {} : { server: requiredId(parseServerName, event.server, 'server') }),
    ...(event.policy === '' ? {} : { policy: requiredId(parsePolicyName, event.policy, 'policy') }),
    ...(event.run === '' ? {} : { run: requiredId(parseRunName, event.run, 'run') }),
    ...(event.epoch === 0n ? {} : { epoch: epoch(fromUint64(event.epoch, 'epoch')) }),
    ...(Object.keys(event.details).length === 0 ? {} : { details: { ...event.details } }),
  };
}
