/** What an attempt may take of its server: `locum.v1.ResourceLimits`. */
import { create } from '@bufbuild/protobuf';
import { formatByteSize } from '../byte-size.ts';
import { type ResourceLimits as PbResourceLimits, ResourceLimitsSchema } from '../gen/locum/v1/policy_pb.ts';
import { MIB } from '../limits.ts';
import type { ResourceLimits } from '../protocol/workload.ts';
import { byteSizeFromProto } from './byte-size.ts';

/** In less not even the shell fits that becomes the program. */
const MEMORY = { min: 4 * MIB, max: 64 * 1024 ** 4 };

export function resourceLimitsToProto(limits: ResourceLimits | undefined): PbResourceLimits | undefined {
  if (limits === undefined) return undefined;
  const { memoryBytes, cpu, pids } = limits;
  return create(ResourceLimitsSchema, {
    ...(memoryBytes === undefined ? {} : { memory: formatByteSize(memoryBytes) }),
    ...(cpu === undefined ? {} : { cpu }),
    ...(pids === undefined ? {} : { pids }),
  });
}

/** Undefined: nothing is limited. @throws LocumError INVALID_FIELD */
export function resourceLimitsFromProto(limits: PbResourceLimits | undefined): ResourceLimits | undefined {
  const { memory = '', cpu, pids } = limits ?? {};
  if (memory === '' && cpu === undefined && pids === undefined) return undefined;
  return {
    ...(memory === '' ? {} : { memoryBytes: byteSizeFromProto(memory, 'workload.resources.memory', MEMORY) }),
    ...(cpu === undefined ? {} : { cpu: Math.round(cpu * 1_000) / 1_000 }),
    ...(pids === undefined ? {} : { pids }),
  };
}
