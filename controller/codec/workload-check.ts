/**
 * What can be started at all: with a program, and within what a start takes in its message to an agent. A workload and the arguments of
 * a run have a limit each, and both together fit; so whatever was accepted once can be started, whoever edits the policy meanwhile.
 */
import { toBinary } from '@bufbuild/protobuf';
import { invalidField } from '../../shared/errors.ts';
import {
  type HealthCheck,
  HealthCheckSchema,
  type Workload,
  WorkloadSchema,
} from '../../shared/gen/locum/v1/policy_pb.ts';
import { LIMITS } from '../../shared/limits.ts';

/** @throws LocumError INVALID_FIELD that names the part which takes most. `field`: path of the workload */
export function checkWorkloadSize(workload: Workload, field: string): void {
  const size = toBinary(WorkloadSchema, workload).length;
  if (size <= LIMITS.workloadBytes) return;
  const parts = partsOf(workload).sort((a, b) => b.bytes - a.bytes);
  const [largest] = parts;
  const list = parts.map(({ name, bytes }) => `${name} ${bytes}`).join(', ');
  const description = `the workload is ${size} bytes (${list}); at most ${LIMITS.workloadBytes} fit a message to an agent. Keep large data in files on the hosts`;
  throw invalidField(`${field}.${largest?.name ?? ''}`, description);
}

function partsOf({ env, envFrom, kind }: Workload): { readonly name: string; readonly bytes: number }[] {
  const own =
    kind.case === 'script'
      ? { name: 'script.text', bytes: bytesOf([kind.value.text]) + bytesOf(kind.value.interpreter) }
      : { name: 'command.argv', bytes: bytesOf(kind.value?.argv ?? []) };
  const from = Object.entries(envFrom).map(([name, { source }]) => `${name}${source.value ?? ''}`);
  return [own, { name: 'env', bytes: bytesOf(Object.entries(env).flat()) }, { name: 'env_from', bytes: bytesOf(from) }];
}

/** @throws LocumError INVALID_FIELD. `field`: path of the check */
export function checkHealthCheckSize(check: HealthCheck, field: string): void {
  const size = toBinary(HealthCheckSchema, check).length;
  if (size <= LIMITS.healthCheckBytes) return;
  throw invalidField(
    field,
    `is ${size} bytes; at most ${LIMITS.healthCheckBytes} are allowed. Keep what it does in a file`,
  );
}

const bytesOf = (texts: readonly string[]): number => texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);

/** A program without a name could be started nowhere. @throws LocumError INVALID_FIELD. `field`: path of the workload */
export function checkProgram({ kind }: Workload, field: string): void {
  if (kind.case === 'command' && kind.value.argv[0] === '')
    throw invalidField(`${field}.command.argv[0]`, 'must be the program to start, and is empty');
}

/** @throws LocumError INVALID_FIELD */
export function checkArgumentsSize(args: readonly string[]): void {
  const bytes = bytesOf(args);
  if (bytes <= LIMITS.argumentsBytes) return;
  throw invalidField('arguments', `are ${bytes} bytes; at most ${LIMITS.argumentsBytes} together are allowed`);
}
