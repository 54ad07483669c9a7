/** When output was read from its program: `locum.v1.OutputTime`, of the keeper, the agent and the API. */
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { OutputTimeSchema, OutputTime as PbOutputTime } from '../gen/locum/v1/run_pb.ts';
import type { OutputTime } from '../protocol/agent-message.ts';
import { fromTimestamp, toTimestamp } from '../rpc/time-messages.ts';
import { fromUint64, toUint64 } from './numbers.ts';

export const outputTimesToProto = (times: readonly OutputTime[]): MessageInitShape<typeof OutputTimeSchema>[] =>
  times.map(({ offset, wall }) => ({ offset: toUint64(offset), time: toTimestamp(wall) }));

/** One without a time says nothing. @throws LocumError INVALID_FIELD for an offset that is none */
export const outputTimesFromProto = (times: readonly PbOutputTime[]): readonly OutputTime[] =>
  times.flatMap(({ offset, time }) => {
    const wall = fromTimestamp(time);
    return wall === undefined ? [] : [{ offset: fromUint64(offset, 'times.offset'), wall }];
  });
