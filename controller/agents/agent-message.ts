/** Bytes of an agent, read as far as a message. */
import { fromBinary } from '@bufbuild/protobuf';
import { LocumError } from '../../shared/errors.ts';
import { type ConnectRequest, ConnectRequestSchema } from '../../shared/gen/locum/v1/agent_service_pb.ts';
import { checkBinary } from '../../shared/rpc/body-bounds.ts';

/** @throws LocumError INVALID_FIELD for one with too many parts, PROTOCOL for bytes that are none */
export function decodeRequest(bytes: Buffer): ConnectRequest {
  checkBinary(ConnectRequestSchema, bytes);
  try {
    return fromBinary(ConnectRequestSchema, bytes);
  } catch (error) {
    throw new LocumError('PROTOCOL', 'the bytes are no ConnectRequest', { cause: error });
  }
}
