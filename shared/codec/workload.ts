/** What runs: `locum.v1.Workload`, of policies and of starts. */
import { create } from '@bufbuild/protobuf';
import { invalidField } from '../errors.ts';
import {
  type ValueSource as PbValueSource,
  type Workload as PbWorkload,
  WorkloadSchema,
} from '../gen/locum/v1/policy_pb.ts';
import type { ValueSource, Workload } from '../protocol/workload.ts';
import { resourceLimitsFromProto, resourceLimitsToProto } from './resource-limits.ts';

/** Interpreter of a script that names none. */
const SHELL = ['/bin/sh'];

export function workloadToProto(workload: Workload): PbWorkload {
  const { env, envFrom, workingDirectory, user } = workload;
  const resources = resourceLimitsToProto(workload.resources);
  return create(WorkloadSchema, {
    ...{ env: { ...env }, envFrom: sourcesToProto(envFrom), workingDirectory, user, kind: kindToProto(workload) },
    ...(resources === undefined ? {} : { resources }),
  });
}

function sourcesToProto(sources: Workload['envFrom'] = {}) {
  return Object.fromEntries(
    Object.entries(sources).map(([variable, source]) => [
      variable,
      source.kind === 'file'
        ? { source: { case: 'file' as const, value: source.path } }
        : { source: { case: 'agentEnv' as const, value: source.name } },
    ]),
  );
}

/** Undefined: there are none. @throws LocumError INVALID_FIELD for a source that says nothing */
function sourcesFromProto(sources: PbWorkload['envFrom']): Workload['envFrom'] {
  const entries = Object.entries(sources);
  if (entries.length === 0) return undefined;
  return Object.fromEntries(entries.map(([variable, message]) => [variable, sourceFromProto(variable, message)]));
}

function sourceFromProto(variable: string, { source }: PbValueSource): ValueSource {
  switch (source.case) {
    case 'file':
      return { kind: 'file', path: source.value };
    case 'agentEnv':
      return { kind: 'agent_env', name: source.value };
    case undefined:
      throw invalidField(`workload.env_from["${variable}"]`, 'exactly one of file and agent_env must be set');
  }
}

function kindToProto(workload: Workload) {
  switch (workload.kind) {
    case 'command':
      return { case: 'command' as const, value: { argv: [...workload.argv] } };
    case 'script':
      return {
        case: 'script' as const,
        value: { interpreter: [...workload.interpreter], text: workload.text },
      };
  }
}

/** @throws LocumError INVALID_FIELD when it says neither command nor script. */
export function workloadFromProto(workload: PbWorkload): Workload {
  const envFrom = sourcesFromProto(workload.envFrom);
  const resources = resourceLimitsFromProto(workload.resources);
  const common = {
    ...{ env: { ...workload.env }, workingDirectory: workload.workingDirectory, user: workload.user },
    ...(envFrom === undefined ? {} : { envFrom }),
    ...(resources === undefined ? {} : { resources }),
  };
  const { kind } = workload;
  switch (kind.case) {
    case 'command':
      return { ...common, kind: 'command', argv: [...kind.value.argv] };
    case 'script': {
      const { interpreter, text } = kind.value;
      return { ...common, kind: 'script', interpreter: interpreter.length > 0 ? [...interpreter] : named(text), text };
    }
    case undefined:
      throw invalidField('workload', 'exactly one of command and script must be set');
  }
}

const MAX_SHEBANG_BYTES = 4_096;

/**
 * The interpreter of a script that has none of its own field: that of its `#!` line, read as Linux reads one (a program, and all that
 * follows as one argument), or the shell.
 */
function named(text: string): readonly string[] {
  const line = /^#!.*/.exec(text)?.[0];
  if (line === undefined) return SHELL;
  const [, program, argument = ''] = /^#!\s*(\S+)\s*(.*?)\s*$/.exec(line) ?? [];
  const field = 'workload.script.text';
  if (program === undefined) throw invalidField(field, 'its first line begins with "#!" and names no interpreter');
  if (Buffer.byteLength(line) > MAX_SHEBANG_BYTES) {
    throw invalidField(field, `its "#!" line is longer than ${MAX_SHEBANG_BYTES} bytes`);
  }
  return argument === '' ? [program] : [program, argument];
}
