/** What a stored record must have. Its absence means a damaged record; `decodeRecord` says which one. */
import type { Timestamp } from '@bufbuild/protobuf/wkt';
import { invalidField } from '../errors.ts';
import { fromTimestamp } from '../rpc/time-messages.ts';
import type { WordTable } from './word-table.ts';

/** @throws LocumError INVALID_FIELD */
export function required<T>(value: T | undefined, field: string): T {
  if (value === undefined) throw invalidField(field, 'is missing');
  return value;
}

/** Milliseconds since 1970. @throws LocumError INVALID_FIELD */
export function requiredTime(value: Timestamp | undefined, field: string): number {
  return fromTimestamp(required(value, field));
}

/** @throws LocumError INVALID_FIELD */
export function requiredWord<Word extends string, Value extends string | number>(
  table: WordTable<Word, Value>,
  value: Value,
  field: string,
): Word {
  const word = table.from.get(value);
  if (word === undefined) throw invalidField(field, `${JSON.stringify(value)} is not known`);
  return word;
}

/** The id in a resource name, by one of the parsers of resource-name.ts. @throws LocumError INVALID_FIELD */
export function requiredId<Id>(parse: (name: string) => Id | undefined, name: string, field: string): Id {
  const id = parse(name);
  if (id === undefined) throw invalidField(field, `${JSON.stringify(name)} is not a name of its kind`);
  return id;
}
