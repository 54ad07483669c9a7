/** What an agent said, read and checked, before the stream acts on it. */
import { type DescMessage, fromBinary, type MessageShape } from '@bufbuild/protobuf';
import { LocumError } from '../../shared/errors.ts';
import {
  type Capacity,
  type ConnectRequest,
  ConnectRequestSchema,
} from '../../shared/gen/locum/v1/agent_service_pb.ts';
import { checkBinary } from '../../shared/rpc/body-bounds.ts';
import { validate } from '../../shared/rpc/validation.ts';

/** @throws LocumError INVALID_FIELD for one with too many parts, PROTOCOL for bytes that are none */
export function decodeRequest(bytes: Buffer): ConnectRequest {
  checkBinary(ConnectRequestSchema, bytes);
  try {
    return fromBinary(ConnectRequestSchema, bytes);
  } catch (error) {
    throw new LocumError('PROTOCOL', 'the bytes are no ConnectRequest', { cause: error });
  }
}

/** The message, once it has passed its rules. @throws LocumError INVALID_FIELD */
export function checked<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): MessageShape<Desc> {
  validate(schema, message);
  return message;
}

/** The rules of Capacity by hand: the validator takes longer than all the rest of a heartbeat. */
export function checkCapacity({ maxSlots }: Capacity): void {
  if (maxSlots !== undefined && (maxSlots < 0 || maxSlots > 100_000)) {
    throw new LocumError('PROTOCOL', `max_slots is ${maxSlots}; it must be from 0 to 100000`);
  }
}
