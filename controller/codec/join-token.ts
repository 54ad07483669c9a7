/** Join tokens: core ⇄ API and store. */
import { create } from '@bufbuild/protobuf';
import { requiredTime, requiredWord } from '../../shared/codec/required.ts';
import { wordSet, wordTable } from '../../shared/codec/word-table.ts';
import {
  type JoinToken as JoinTokenRecord,
  JoinTokenSchema as JoinTokenRecordSchema,
} from '../../shared/gen/locum/store/v1/record_pb.ts';
import {
  JoinTokenSchema,
  type JoinToken as PbJoinToken,
  JoinTokenState as PbState,
} from '../../shared/gen/locum/v1/join_token_pb.ts';
import { poolId, serverId } from '../../shared/ids.ts';
import { poolName, serverName } from '../../shared/resource-name.ts';
import { toTimestamp } from '../../shared/rpc/time-messages.ts';
import { type JoinToken, type JoinTokenState, joinTokenName } from '../core/records/join-token.ts';
import { tokenStateNow } from '../core/servers/join-tokens.ts';

type StateName = JoinTokenState['kind'];

const shownStates = wordTable<StateName, PbState>({
  ACTIVE: PbState.ACTIVE,
  USED: PbState.USED,
  REVOKED: PbState.REVOKED,
  EXPIRED: PbState.EXPIRED,
});
const stateWords = wordSet<StateName>({ ACTIVE: true, USED: true, REVOKED: true, EXPIRED: true });

/** As it is shown, at this time: what proves that somebody has it is not. */
export function joinTokenToProto(token: JoinToken, wall: number): PbJoinToken {
  const state = tokenStateNow(token, wall);
  return create(JoinTokenSchema, {
    name: joinTokenName(token),
    server: token.server === undefined ? '' : serverName(token.server),
    serverPattern: token.serverPattern,
    pool: token.pool === undefined ? '' : poolName(token.pool),
    state: shownStates.to[state.kind],
    creator: token.creator,
    createTime: toTimestamp(token.createWall),
    expireTime: toTimestamp(token.expireWall),
    ...(state.kind === 'ACTIVE' ? {} : { endTime: toTimestamp(state.endWall) }),
    ...(state.kind === 'USED' ? { usedBy: serverName(state.server), usedFrom: state.source } : {}),
  });
}

export function joinTokenToRecord(token: JoinToken): JoinTokenRecord {
  const { id, secretHash, server = '', serverPattern, pool = '', creator, state } = token;
  return create(JoinTokenRecordSchema, {
    ...{ id, secretHash, server, serverPattern, pool, creator, state: state.kind },
    createTime: toTimestamp(token.createWall),
    expireTime: toTimestamp(token.expireWall),
    ...(state.kind === 'ACTIVE' ? {} : { endTime: toTimestamp(state.endWall) }),
    ...(state.kind === 'USED' ? { usedBy: state.server, keyHash: state.keyHash, usedFrom: state.source } : {}),
  });
}

/** @throws LocumError INVALID_FIELD for a damaged record. */
export function joinTokenFromRecord(record: JoinTokenRecord): JoinToken {
  const { id, secretHash, server, serverPattern, pool, creator } = record;
  return {
    kind: 'join_token',
    ...{ id, secretHash, serverPattern, creator },
    server: server === '' ? undefined : serverId(server),
    pool: pool === '' ? undefined : poolId(pool),
    createWall: requiredTime(record.createTime, 'create_time'),
    expireWall: requiredTime(record.expireTime, 'expire_time'),
    state: stateFrom(record),
  };
}

function stateFrom({ state, endTime, usedBy, keyHash, usedFrom }: JoinTokenRecord): JoinTokenState {
  const kind = requiredWord(stateWords, state, 'state');
  if (kind === 'ACTIVE') return { kind };
  const endWall = requiredTime(endTime, 'end_time');
  return kind === 'USED' ? { kind, endWall, server: serverId(usedBy), keyHash, source: usedFrom } : { kind, endWall };
}
