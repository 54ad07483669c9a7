/** Counters of the core (integers below 2^53) to and from uint64, which protobuf gives as a bigint. */
import { assert } from '../assert.ts';
import { invalidField } from '../errors.ts';

export function toUint64(value: number): bigint {
  assert(Number.isSafeInteger(value) && value >= 0, `${value} is not a counter`);
  return BigInt(value);
}

/** @throws LocumError INVALID_FIELD, naming `field`, for what no counter of ours can be. */
export function fromUint64(value: bigint, field: string): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number) || number < 0) throw invalidField(field, `${value} is not below 2^53`);
  return number;
}
