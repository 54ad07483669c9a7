/** Capabilities to and from locum.v1.Capability. */
import { create } from '@bufbuild/protobuf';
import {
  CapabilitySchema,
  type Capability as PbCapability,
  type ProbeFailure as PbProbeFailure,
} from '../gen/locum/v1/capability_pb.ts';
import type { Capability, ProbeFailure } from '../protocol/capability.ts';
import { capabilitySourceWords } from './words.ts';

export function capabilityToProto({ name, value, source }: Capability): PbCapability {
  return create(CapabilitySchema, { name, value, source: capabilitySourceWords.to[source] });
}

/** A source that is not said is read as CONFIG. */
export function capabilityFromProto({ name, value, source }: PbCapability): Capability {
  return { name, value, source: capabilitySourceWords.from.get(source) ?? 'CONFIG' };
}

export const probeFailureFromProto = ({ probe, detail }: PbProbeFailure): ProbeFailure => ({ probe, detail });
