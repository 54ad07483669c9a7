/** What an attempt may take of its server: `locum.v1.ResourceLimits`. */
import { create } from '@bufbuild/protobuf';
import { formatByteSize, parseByteSize } from '../byte-size.ts';
import { invalidField } from '../errors.ts';
import { type ResourceLimits as PbResourceLimits, ResourceLimitsSchema } from '../gen/locum/v1/policy_pb.ts';
import { MIB } from '../limits.ts';
import type { ResourceLimits } from '../protocol/workload.ts';

/** In less than this not even the shell fits that becomes the program. */
const MIN_MEMORY_BYTES = 4 * MIB;
const MAX_MEMORY_BYTES = 64 * 1024 ** 4;

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
    ...(memory === '' ? {} : { memoryBytes: memoryFrom(memory) }),
    ...(cpu === undefined ? {} : { cpu: Math.round(cpu * 1_000) / 1_000 }),
    ...(pids === undefined ? {} : { pids }),
  };
}

function memoryFrom(text: string): number {
  const bytes = parseByteSize(text);
  if (bytes !== undefined && bytes >= MIN_MEMORY_BYTES && bytes <= MAX_MEMORY_BYTES) return bytes;
  const range = `from ${formatByteSize(MIN_MEMORY_BYTES)} to ${formatByteSize(MAX_MEMORY_BYTES)}`;
  throw invalidField('workload.resources.memory', `must be bytes or have a unit (512Mi, 2Gi), ${range}; it is ${text}`);
}
