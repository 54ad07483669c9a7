/** How much of its output a policy wants kept: `locum.v1.OutputRetention`, of starts. */
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { OutputRetentionSchema, OutputRetention as PbOutputRetention } from '../gen/locum/v1/agent_service_pb.ts';
import type { PolicyOutputRetention } from '../protocol/output-retention.ts';
import { fromDuration, toDuration } from '../rpc/time-messages.ts';
import { fromUint64, toUint64 } from './numbers.ts';

export function outputRetentionToProto({
  bytes,
  ageMs,
}: PolicyOutputRetention): MessageInitShape<typeof OutputRetentionSchema> {
  return {
    ...(bytes === undefined ? {} : { bytes: toUint64(bytes) }),
    ...(ageMs === undefined ? {} : { age: toDuration(ageMs) }),
  };
}

/** Undefined: it says nothing. @throws LocumError INVALID_FIELD */
export function outputRetentionFromProto(message: PbOutputRetention | undefined): PolicyOutputRetention | undefined {
  const bytes = fromUint64(message?.bytes ?? 0n, 'output_retention.bytes');
  const ageMs = fromDuration(message?.age);
  if (bytes === 0 && ageMs === undefined) return undefined;
  return { ...(bytes === 0 ? {} : { bytes }), ...(ageMs === undefined ? {} : { ageMs }) };
}
