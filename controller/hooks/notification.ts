/** What a hook is told of an event: a CloudEvent 1.0 as JSON, the same for webhooks and commands. Pure. */
import { type JsonValue, toJson } from '@bufbuild/protobuf';
import { timestampDate } from '@bufbuild/protobuf/wkt';
import { type Event, EventSchema } from '../../shared/gen/locum/v1/event_pb.ts';
import { printable } from '../../shared/printable.ts';
import { parseEventName } from '../../shared/resource-name.ts';

export const CLOUD_EVENT_JSON = 'application/cloudevents+json; charset=utf-8';

export interface Notification {
  /** The same whenever it is sent again: receivers know by it what they had already. */
  readonly id: string;
  /** JSON. */
  readonly body: string;
  /** The main fields, for the environment of a program. */
  readonly variables: Readonly<Record<string, string>>;
}

/** `id`: default: of the event's number. */
export function notificationOf(event: Event, clusterId: string, id?: string): Notification {
  const number = parseEventName(event.name) ?? 0;
  const own = id ?? `${clusterId}-${number}`;
  const time = event.time === undefined ? '' : timestampDate(event.time).toISOString();
  const subject = [event.run, event.policy, event.server, event.pool].find((name) => name !== '');
  const cloudEvent: JsonValue = {
    specversion: '1.0',
    id: own,
    source: `/clusters/${clusterId}`,
    type: `locum.v1.${event.type}`,
    ...(subject === undefined ? {} : { subject }),
    ...(time === '' ? {} : { time }),
    datacontenttype: 'application/json',
    // Extensions: what filters look at, and the order, as a text that sorts.
    severity: event.severity,
    sequence: String(number).padStart(16, '0'),
    data: toJson(EventSchema, event),
  };
  return { id: own, body: JSON.stringify(cloudEvent), variables: variablesOf(event, { number, time, clusterId }) };
}

interface Facts {
  readonly number: number;
  readonly time: string;
  readonly clusterId: string;
}

/** Only texts that are there, and nothing in them that would end one. */
function variablesOf(event: Event, { number, time, clusterId }: Facts): Readonly<Record<string, string>> {
  const { type, cause, severity, actor, message, server, policy, run, pool } = event;
  const all = {
    LOCUM_CLUSTER: clusterId,
    LOCUM_EVENT: String(number),
    LOCUM_EVENT_TIME: time,
    LOCUM_EVENT_TYPE: type,
    LOCUM_EVENT_CAUSE: cause,
    LOCUM_EVENT_SEVERITY: severity,
    LOCUM_EVENT_ACTOR: actor,
    LOCUM_EVENT_MESSAGE: message,
    LOCUM_EVENT_SERVER: server,
    LOCUM_EVENT_POLICY: policy,
    LOCUM_EVENT_RUN: run,
    LOCUM_EVENT_POOL: pool,
  };
  return Object.fromEntries(
    Object.entries(all).flatMap(([name, value]) => (value === '' ? [] : [[name, printable(value)]])),
  );
}
