/** What an agent asks, as the core takes it. Whether it makes sense is the core's to judge. */
import { parseByteSize } from '../../shared/byte-size.ts';
import type { Deadline } from '../../shared/lease-clock.ts';
import type { ResourceLimits } from '../../shared/protocol/workload.ts';
import type { AttemptName } from '../core/attempt.ts';
import type { Ask } from '../core/event.ts';
import type { ProcessWorkload } from '../drivers/process/launch-plan.ts';
import { outputRetentionOf, termsFromJson } from './kept-codec.ts';
import { type Json, type JsonObject, listOf, mapOf, numberOf, objectOf, textOf, textsOf } from './proto-json.ts';

/** Undefined: this keeper does not know what is asked, or it is not the core's business. */
export function askOf(message: JsonObject): Ask | undefined {
  if (message['start'] !== undefined) return startOf(objectOf(message['start']));
  if (message['extend'] !== undefined) {
    const extensions = listOf(objectOf(message['extend'])['extensions']);
    return {
      kind: 'extend',
      extensions: extensions.map((value) => ({ ...refOf(value), deadline: deadlineOf(objectOf(value)['deadline']) })),
    };
  }
  if (message['stop'] !== undefined) {
    const stop = objectOf(message['stop']);
    const cause = stop['cause'] === 'END_CAUSE_LAPSED' ? 'LAPSED' : 'STOPPED';
    return { kind: 'stop', attempt: refOf(stop), reason: { cause, detail: textOf(stop['reason']) } };
  }
  if (message['forget'] !== undefined)
    return { kind: 'forget', attempts: listOf(objectOf(message['forget'])['attempts']).map(refOf) };
  if (message['ping'] !== undefined)
    return { kind: 'ping', highestTerm: numberOf(objectOf(message['ping'])['highestTerm']) };
  if (message['exit'] !== undefined) {
    const { stopAll, forget } = objectOf(message['exit']);
    return { kind: 'exit', stopAll: stopAll === true, forget: forget === true };
  }
  return undefined;
}

function startOf(start: JsonObject): Ask {
  const command = objectOf(start['command']);
  const workload: ProcessWorkload | undefined = workloadOf(start, command);
  return {
    kind: 'start',
    ...refOf(start),
    policy: textOf(start['policy']),
    terms: termsFromJson(command),
    slots: numberOf(command['slots']),
    deadline: deadlineOf(start['deadline']),
    workload,
    healthCheck: command['healthCheck'],
    outputRetention: outputRetentionOf(command['outputRetention']),
  };
}

/** Undefined: there is none, or of a kind that this keeper does not know. Its driver refuses it. */
function workloadOf(start: JsonObject, command: JsonObject): ProcessWorkload | undefined {
  const workload = objectOf(command['workload']);
  const program = programOf(workload);
  if (program === undefined) return undefined;
  return {
    program,
    args: textsOf(command['arguments']),
    env: mapOf(workload['env']),
    envFrom: sourcesOf(workload['envFrom']),
    secrets: allowedOf(objectOf(start['secrets'])),
    baseEnv: mapOf(start['baseEnv']),
    workingDirectory: textOf(workload['workingDirectory']),
    user: textOf(workload['user']),
    resources: workload['resources'] === undefined ? undefined : limitsOf(objectOf(workload['resources'])),
  };
}

/** One that says nothing that is known here is a file without a name, which is refused: it is never left out. */
function sourcesOf(value: Json): ProcessWorkload['envFrom'] {
  return Object.fromEntries(
    Object.entries(objectOf(value)).map(([variable, source]) => {
      const { agentEnv, file } = objectOf(source);
      if (agentEnv !== undefined) return [variable, { kind: 'agent_env' as const, name: textOf(agentEnv) }];
      return [variable, { kind: 'file' as const, path: textOf(file) }];
    }),
  );
}

/** An amount that says nothing that is known here can't be held, which is refused: it is never left out. */
function limitsOf({ memory, cpu, pids }: JsonObject): ResourceLimits {
  const unset = memory === undefined || memory === '';
  return {
    ...(unset ? {} : { memoryBytes: parseByteSize(textOf(memory)) ?? Number.NaN }),
    ...(cpu === undefined ? {} : { cpu: numberOf(cpu) }),
    ...(pids === undefined ? {} : { pids: numberOf(pids) }),
  };
}

const allowedOf = ({ directories, agentEnv }: JsonObject): ProcessWorkload['secrets'] => ({
  directories: textsOf(directories),
  agentEnv: mapOf(agentEnv),
});

function programOf(workload: JsonObject): ProcessWorkload['program'] | undefined {
  if (workload['script'] !== undefined) {
    const { interpreter, text } = objectOf(workload['script']);
    return { kind: 'script', interpreter: textsOf(interpreter), text: textOf(text) };
  }
  // Not a command without a program for want of anything better: the run's own arguments would be run as one.
  if (workload['command'] === undefined) return undefined;
  return { kind: 'command', argv: textsOf(objectOf(workload['command'])['argv']) };
}

export function refOf(value: Json): AttemptName {
  const { run, epoch } = objectOf(value);
  return { run: textOf(run), epoch: numberOf(epoch) };
}

/** Not a number: the core refuses it. */
function deadlineOf(value: Json): Deadline {
  const { monotonicMs, bootMs } = objectOf(value);
  if (value === undefined) return { mono: Number.NaN, boot: Number.NaN };
  return { mono: numberOf(monotonicMs), boot: numberOf(bootMs) };
}
