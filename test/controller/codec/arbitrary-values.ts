/** Random values of which the records of the core are made. */
import fc from 'fast-check';
import { RUN_REASONS, type RunReason } from '../../../controller/core/records/run-reason.ts';
import { epoch, poolId, runId, serverId, uid } from '../../../shared/ids.ts';

export const word = (pattern: RegExp) => fc.stringMatching(pattern);
export const userId = word(/^[a-z]([a-z0-9-]{0,10}[a-z0-9])?$/);
export const text = fc.string({ unit: 'grapheme', maxLength: 20 });
/** Up to the year 2255, in whole milliseconds. */
export const wall = fc.integer({ min: 0, max: 9e12 });
export const counter = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
export const small = fc.integer({ min: 0, max: 100_000 });
export const span = fc.integer({ min: 0, max: 7_200_000 });
export const runReason = fc.constantFrom(...(Object.keys(RUN_REASONS) as RunReason[]));
export const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
export const labels = fc.dictionary(word(/^[a-z]{1,8}$/), text, { maxKeys: 4, noNullPrototype: true });
export const server = userId.map(serverId);
export const pool = userId.map(poolId);
export const anUid = word(/^u[0-9a-z]{1,8}$/).map(uid);
export const anEpoch = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }).map(epoch);
export const aRun = fc
  .tuple(userId, fc.integer({ min: 1, max: 1e12 }))
  .map(([policy, number]) => runId(`${policy}-${number}`));
