/** Revocations: core ⇄ API and store. */
import { create } from '@bufbuild/protobuf';
import { requiredTime } from '../../shared/codec/required.ts';
import { type Revocation as PbRevocation, RevocationSchema } from '../../shared/gen/locum/v1/revocation_pb.ts';
import { serverId } from '../../shared/ids.ts';
import { serverName } from '../../shared/resource-name.ts';
import { toTimestamp } from '../../shared/rpc/time-messages.ts';
import type { Revocation } from '../core/records/revocation.ts';

export const revocationToProto = ({ server, beforeWall, creator, reason, deleted }: Revocation): PbRevocation =>
  create(RevocationSchema, {
    ...{ server: serverName(server), beforeTime: toTimestamp(beforeWall), creator, reason, deleted },
  });

/** @throws LocumError INVALID_FIELD for a damaged record. */
export const revocationFromProto = ({ server, beforeTime, creator, reason, deleted }: PbRevocation): Revocation => ({
  kind: 'revocation',
  ...{ server: serverId(server.slice(serverName(serverId('')).length)), creator, reason, deleted },
  beforeWall: requiredTime(beforeTime, 'before_time'),
});
