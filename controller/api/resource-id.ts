/** Ids out of the resource names of requests. The rules of the protos have looked at their form already. */
import { invalidField, notFound } from '../../shared/errors.ts';
import type { PolicyId, PoolId, RunId, ServerId } from '../../shared/ids.ts';
import { parsePolicyName, parsePoolName, parseRunName, parseServerName } from '../../shared/resource-name.ts';

function idOf<Id>(parse: (name: string) => Id | undefined, name: string, field: string): Id {
  const id = parse(name);
  if (id === undefined) throw invalidField(field, `"${name}" is not a name of its kind`);
  return id;
}

export const poolIdOf = (name: string, field = 'name'): PoolId => idOf(parsePoolName, name, field);
export const serverIdOf = (name: string, field = 'name'): ServerId => idOf(parseServerName, name, field);
export const policyIdOf = (name: string, field = 'name'): PolicyId => idOf(parsePolicyName, name, field);
/** The rule for names of runs is wider than the names are: what is no name of a run is one of a run that does not exist. */
export function runIdOf(name: string): RunId {
  const id = parseRunName(name);
  if (id === undefined) throw notFound(name);
  return id;
}

/** What a record is called must exist. @throws LocumError NOT_FOUND */
export function found<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw notFound(name);
  return value;
}
