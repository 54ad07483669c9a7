/** What the loss of servers would do, asked for by name or of each server by itself. */
import { setImmediate as turn } from 'node:timers/promises';
import type { MessageInitShape } from '@bufbuild/protobuf';
import type {
  LossSchema,
  SimulateFailureRequest,
  SimulateFailureResponseSchema,
} from '../../shared/gen/locum/v1/cluster_service_pb.ts';
import type { ServerId } from '../../shared/ids.ts';
import { LIMITS } from '../../shared/limits.ts';
import { bytesOfTexts, cutToBytes } from '../../shared/parts.ts';
import { policyName, runName, serverName } from '../../shared/resource-name.ts';
import type { ClusterState } from '../core/cluster/cluster.ts';
import { type LossPlan, planLossOf, runsOn } from '../core/views.ts';
import type { ApiContext } from './api-context.ts';
import { found, serverIdOf } from './resource-id.ts';

type Loss = MessageInitShape<typeof LossSchema>;

/** Of one loss among many. */
const SHORT_BYTES = 16 * 1024;

export async function simulateFailure(
  api: ApiContext,
  { servers }: SimulateFailureRequest,
): Promise<MessageInitShape<typeof SimulateFailureResponseSchema>> {
  if (servers.length === 0) return eachByItself(api);
  const ids = servers.map((name, index) => serverIdOf(name, `servers[${index}]`));
  return api.leaderTerm().read((state, now) => {
    const lost = ids.map((id) => found(state.servers.get(id), serverName(id)));
    return { losses: [lossToProto(ids, planLossOf(state, now, lost), LIMITS.pageBytes)] };
  });
}

/** One look for each server, with turns for everybody else in between: a look costs as much as its pool has servers. */
async function eachByItself(api: ApiContext): Promise<MessageInitShape<typeof SimulateFailureResponseSchema>> {
  const leaderTerm = api.leaderTerm();
  const losses: Loss[] = [];
  for (const id of await leaderTerm.read(serversInUse)) {
    await turn();
    const plan = await leaderTerm.read((state, now) => {
      const server = state.servers.get(id);
      return server === undefined ? undefined : planLossOf(state, now, [server]);
    });
    if (plan?.waits.some(hasNoServer) === true) losses.push(lossToProto([id], plan, SHORT_BYTES));
  }
  const { kept, omitted } = cutToBytes(losses, () => SHORT_BYTES, LIMITS.pageBytes);
  return { losses: [...kept], omittedLosses: omitted };
}

const serversInUse = (state: ClusterState): readonly ServerId[] =>
  [...state.servers.values()]
    .filter((server) => server.liveness !== 'MISSING' && server.liveness !== 'LEFT' && runsOn(state, server).length > 0)
    .map(({ id }) => id);

/** HOLD waits wherever there is room: its owner has chosen that. */
const hasNoServer = ({ reason }: LossPlan['waits'][number]): boolean =>
  reason === 'NO_ROOM' || reason === 'UNSATISFIABLE';

function lossToProto(servers: readonly ServerId[], { takeovers, waits }: LossPlan, limitBytes: number): Loss {
  const moved = takeovers.map(({ run, policy, from, to }) => {
    return { run: runName(run), policy: policyName(policy), fromServer: serverName(from), toServer: serverName(to) };
  });
  const waiting = waits.map(({ run, policy, from, reason, message }) => {
    return { run: runName(run), policy: policyName(policy), fromServer: serverName(from), reason, message };
  });
  const some = cutToBytes(moved, bytesOfTexts, limitBytes / 2);
  const held = cutToBytes(waiting, bytesOfTexts, limitBytes / 2);
  return {
    servers: servers.map(serverName),
    takeovers: [...some.kept],
    waits: [...held.kept],
    omittedTakeovers: some.omitted,
    omittedWaits: held.omitted,
  };
}
