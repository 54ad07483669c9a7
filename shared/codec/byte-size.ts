/** Amounts of bytes in fields of messages. */
import { formatByteSize, parseByteSize } from '../byte-size.ts';
import { invalidField } from '../errors.ts';

/** What is allowed, both ends included. */
export interface ByteRange {
  readonly min: number;
  readonly max: number;
}

/** @throws LocumError INVALID_FIELD */
export function byteSizeFromProto(text: string, field: string, { min, max }: ByteRange): number {
  const bytes = parseByteSize(text);
  if (bytes !== undefined && bytes >= min && bytes <= max) return bytes;
  const range = `from ${formatByteSize(min)} to ${formatByteSize(max)}`;
  throw invalidField(field, `must be bytes or have a unit (512Mi, 2Gi), ${range}; it is ${text}`);
}
