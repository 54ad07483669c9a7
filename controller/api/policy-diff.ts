/** What differs between two versions of a policy, field by field. */
import { type JsonValue, type MessageInitShape, toJson } from '@bufbuild/protobuf';
import { type Policy as PbPolicy, PolicySchema } from '../../shared/gen/locum/v1/policy_pb.ts';
import type { FieldChangeSchema } from '../../shared/gen/locum/v1/policy_service_pb.ts';

/** A script may have 128 KiB. */
const MAX_SHOWN = 1_000;
/** Not what a user writes. */
const OUTPUT_ONLY: ReadonlySet<string> = new Set([
  'name',
  'uid',
  'etag',
  'create_time',
  'update_time',
  'paused',
  'deleting',
  'runs',
  'next_tick_time',
  'last_tick_time',
  'reconciling',
  'skipped_ticks',
]);

type Change = MessageInitShape<typeof FieldChangeSchema>;

/** In the order of the fields' names. */
export function changesBetween(before: PbPolicy, after: PbPolicy): Change[] {
  const [old, now] = [leavesOf(before), leavesOf(after)];
  const fields = [...new Set([...old.keys(), ...now.keys()])].sort();
  return fields
    .filter((field) => old.get(field) !== now.get(field))
    .map((field) => ({ field, before: shown(old.get(field)), after: shown(now.get(field)) }));
}

const shown = (text = ''): string => (text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text);

/** Each value that is no message of its own, by its path, as JSON. */
function leavesOf(policy: PbPolicy): ReadonlyMap<string, string> {
  const leaves = new Map<string, string>();
  const walk = (path: string, value: JsonValue): void => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      leaves.set(path, JSON.stringify(value));
      return;
    }
    const entries = Object.entries(value);
    // An empty message says something by being there: a trigger `on_demand: {}`.
    if (entries.length === 0) leaves.set(path, '{}');
    for (const [key, inner] of entries) walk(`${path}.${key}`, inner);
  };
  for (const [key, value] of Object.entries(toJson(PolicySchema, policy, { useProtoFieldName: true }) as object)) {
    if (!OUTPUT_ONLY.has(key)) walk(key, value as JsonValue);
  }
  return leaves;
}
