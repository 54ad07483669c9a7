/**
 * What a workload needs of a server beyond what its policy requires: an agent that knows its fields. One that does not would run it without
 * them, and nobody would be told. A server says what it can as values of one capability.
 */
import type { Workload } from '../../../shared/protocol/workload.ts';
import { parseRequirement, type Requirement } from './capability.ts';

/** In the notation of requirements. */
export function impliedTexts({ envFrom, resources = {} }: Workload): readonly string[] {
  const { memoryBytes, cpu, pids } = resources;
  return [
    ...(envFrom === undefined ? [] : ['feature = env_from']),
    ...(memoryBytes === undefined ? [] : ['feature = resources.memory']),
    ...(cpu === undefined ? [] : ['feature = resources.cpu']),
    ...(pids === undefined ? [] : ['feature = resources.pids']),
  ];
}

export const impliedRequirements = (workload: Workload): readonly Requirement[] =>
  impliedTexts(workload).flatMap((text) => {
    const parsed = parseRequirement(text);
    return parsed.kind === 'ok' ? [parsed.requirement] : [];
  });
