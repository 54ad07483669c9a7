/** A server as the API shows it: its record, and what follows from other records and from its session. */
import { certificateToProto } from '../../../shared/codec/certificate.ts';
import type { Server as PbServer } from '../../../shared/gen/locum/v1/server_pb.ts';
import { ServerRole } from '../../../shared/gen/locum/v1/server_pb.ts';
import { runName } from '../../../shared/resource-name.ts';
import { toTimestamp } from '../../../shared/rpc/time-messages.ts';
import type { Now } from '../../../shared/time.ts';
import { serverToProto } from '../../codec/server.ts';
import { gateStatusToProto, gateToProto } from '../../codec/server-gate.ts';
import { wallAtAge } from '../../core/cluster/age.ts';
import type { ClusterState } from '../../core/cluster/cluster.ts';
import type { Server } from '../../core/records/state.ts';
import {
  drainBlocked,
  effectiveMaxSlots,
  isAvailable,
  rankOf,
  reservedSlots,
  runsOn,
  usedSlots,
} from '../../core/views.ts';

export function projectServer(state: ClusterState, server: Server, now: Now): PbServer {
  const message = serverToProto(server);
  // Gone while its answer was on its way: the record is all there is to show.
  if (!state.servers.has(server.id)) return message;
  const live = state.serverLive.get(server.id);
  message.rank = rankOf(state, server);
  message.role = message.rank === 1 ? ServerRole.PRIMARY : ServerRole.STANDBY;
  message.available = isAvailable(state, server);
  message.gate = gateToProto(server);
  const gateStatus = gateStatusToProto(server, (age) => wallAtAge(state, now, age));
  if (gateStatus !== undefined) message.gateStatus = gateStatus;
  message.effectiveMaxSlots = effectiveMaxSlots(state, server);
  message.usedSlots = usedSlots(state, server);
  message.reservedSlots = reservedSlots(state, server);
  message.overCapacity = message.usedSlots > message.effectiveMaxSlots;
  message.connected = live?.session !== undefined;
  const heartbeatTime = toTimestamp(live?.lastHeartbeatWall);
  if (heartbeatTime !== undefined) message.lastHeartbeatTime = heartbeatTime;
  if (live?.certificate !== undefined) message.certificate = certificateToProto(live.certificate);
  message.runs = runsOn(state, server).map(({ id }) => runName(id));
  message.reconciling = server.deleting || (server.drain !== undefined && !server.drain.done);
  if (message.drain !== undefined && !message.drain.done) {
    message.drain.blocked = drainBlocked(state, server, now).map(({ run, reason }) => `${runName(run)}: ${reason}`);
  }
  return message;
}
