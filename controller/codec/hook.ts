/** How far a hook is: core ⇄ locum.store.v1.HookPosition. */
import { create } from '@bufbuild/protobuf';
import { fromUint64, toUint64 } from '../../shared/codec/numbers.ts';
import { HookPositionSchema, type HookPosition as PbHook } from '../../shared/gen/locum/store/v1/record_pb.ts';
import { fromTimestamp, toTimestamp } from '../../shared/rpc/time-messages.ts';
import type { HookRecord } from '../core/records/hook-record.ts';

export function hookToProto({ hook, position, failing }: HookRecord): PbHook {
  const { sinceWall, problem = '' } = failing ?? {};
  return create(HookPositionSchema, {
    ...{ hook, position: toUint64(position), problem },
    failingSinceTime: toTimestamp(sinceWall),
  });
}

/** @throws LocumError INVALID_FIELD for a damaged record. */
export function hookFromProto({ hook, position, failingSinceTime, problem }: PbHook): HookRecord {
  const sinceWall = fromTimestamp(failingSinceTime);
  return {
    ...{ kind: 'hook', hook, position: fromUint64(position, 'position') },
    failing: sinceWall === undefined ? undefined : { sinceWall, problem },
  };
}
