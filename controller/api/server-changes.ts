/** Changes of servers: their place in the order, and what operators want of them. */

import { durationMs } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import { unreachable } from '../../shared/assert.ts';
import { fromUint64 } from '../../shared/codec/numbers.ts';
import { invalidField } from '../../shared/errors.ts';
import {
  ConfirmServerDeadRequestSchema,
  CordonServerRequestSchema,
  DeleteServerRequestSchema,
  DemoteServerRequestSchema,
  DrainServerRequestSchema,
  MakePrimaryRequestSchema,
  type MoveServerRequest,
  MoveServerRequestSchema,
  PromoteServerRequestSchema,
  type ServerService,
  UncordonServerRequestSchema,
  type UpdateServerRequest,
  UpdateServerRequestSchema,
} from '../../shared/gen/locum/v1/server_service_pb.ts';
import { LIMITS } from '../../shared/limits.ts';
import { cutToBytes } from '../../shared/parts.ts';
import { runName } from '../../shared/resource-name.ts';
import { movePlanToProto, orderToProto } from '../codec/pool.ts';
import type { Call, CallValue } from '../core/cluster/event.ts';
import type { Server } from '../core/records/state.ts';
import { type ApiContext, planOf, submit } from './api-context.ts';
import { applyOf } from './pool-service.ts';
import { projectServer } from './projections/project-server.ts';
import { serverIdOf } from './resource-id.ts';
import { maskPaths } from './update-mask.ts';

type Service = ServiceImpl<typeof ServerService>;
type MoveTarget = Extract<Call, { kind: 'move_server' }>['to'];

function moveTarget({ to }: MoveServerRequest): MoveTarget {
  switch (to.case) {
    case 'rank':
      return { kind: 'rank', rank: to.value };
    case 'before':
      return { kind: 'before', server: serverIdOf(to.value, 'before') };
    case 'after':
      return { kind: 'after', server: serverIdOf(to.value, 'after') };
    case undefined:
      throw invalidField('to', 'exactly one of rank, before and after must be set');
    default:
      return unreachable(to);
  }
}

function serverUpdate({ server, updateMask }: UpdateServerRequest): Extract<Call, { kind: 'update_server' }> {
  if (server === undefined) throw invalidField('server', 'is required');
  const paths = maskPaths(updateMask, ['max_slots', 'labels']);
  const { maxSlots, labels, etag } = server;
  const hasLabels = paths === undefined ? Object.keys(labels).length > 0 : paths.has('labels');
  const hasMaxSlots = paths === undefined ? maxSlots !== undefined : paths.has('max_slots');
  return {
    kind: 'update_server',
    server: serverIdOf(server.name, 'server.name'),
    etag,
    maxSlots: hasMaxSlots ? { value: maxSlots } : undefined,
    labels: hasLabels ? { ...labels } : undefined,
  };
}

const showIn = (api: ApiContext) => (server: Server) =>
  api.leaderTerm().read((state, now) => projectServer(state, server, now));

/** What changes which servers there are, and their place in the order. */
export function serverEdits(
  api: ApiContext,
): Pick<Service, 'updateServer' | 'deleteServer' | 'moveServer' | 'promoteServer' | 'demoteServer' | 'makePrimary'> {
  const show = showIn(api);
  const orderOf = (value: Extract<CallValue, { kind: 'order' }>) => ({
    order: orderToProto(value.pool),
    plan: movePlanToProto(value.plan),
    ...planOf(value),
  });
  const move = (
    message: { readonly name: string; readonly etag: string; readonly apply: Parameters<typeof applyOf>[0] },
    to: MoveTarget,
  ): Call => ({
    kind: 'move_server',
    server: serverIdOf(message.name),
    to,
    etag: message.etag,
    apply: applyOf(message.apply),
  });

  return {
    async updateServer(message, context) {
      const submission = { schema: UpdateServerRequestSchema, message, context };
      const value = await submit(api, submission, serverUpdate(message), 'server');
      const { kept, omitted } = cutToBytes(
        (value.starts ?? []).map(runName),
        (name) => name.length + 4,
        LIMITS.pageBytes,
      );
      return { server: await show(value.server), ...planOf(value), starts: [...kept], omittedStarts: omitted };
    },

    async deleteServer(message, context) {
      const request: Call = { kind: 'delete_server', server: serverIdOf(message.name), etag: message.etag };
      const value = await submit(
        api,
        { schema: DeleteServerRequestSchema, message, context },
        request,
        'server',
        'gone',
      );
      return { ...(value.kind === 'gone' ? {} : { server: await show(value.server) }), ...planOf(value) };
    },

    async moveServer(message, context) {
      const request = move(message, moveTarget(message));
      return orderOf(await submit(api, { schema: MoveServerRequestSchema, message, context }, request, 'order'));
    },

    async promoteServer(message, context) {
      const request = move(message, { kind: 'promote' });
      return orderOf(await submit(api, { schema: PromoteServerRequestSchema, message, context }, request, 'order'));
    },

    async demoteServer(message, context) {
      const request = move(message, { kind: 'demote' });
      return orderOf(await submit(api, { schema: DemoteServerRequestSchema, message, context }, request, 'order'));
    },

    async makePrimary(message, context) {
      const request = move(message, { kind: 'primary' });
      return orderOf(await submit(api, { schema: MakePrimaryRequestSchema, message, context }, request, 'order'));
    },
  };
}

/** What operators want of a server. */
export function serverVerbs(
  api: ApiContext,
): Pick<Service, 'cordonServer' | 'uncordonServer' | 'drainServer' | 'confirmServerDead'> {
  const show = showIn(api);
  return {
    async cordonServer(message, context) {
      const request: Call = { kind: 'cordon_server', server: serverIdOf(message.name) };
      const value = await submit(api, { schema: CordonServerRequestSchema, message, context }, request, 'server');
      return { server: await show(value.server), ...planOf(value) };
    },

    async uncordonServer(message, context) {
      const request: Call = { kind: 'uncordon_server', server: serverIdOf(message.name) };
      const value = await submit(api, { schema: UncordonServerRequestSchema, message, context }, request, 'server');
      return { server: await show(value.server), ...planOf(value) };
    },

    async drainServer(message, context) {
      const { deadline, letFinish } = message;
      const deadlineMs = deadline === undefined ? undefined : durationMs(deadline);
      const request: Call = { kind: 'drain_server', server: serverIdOf(message.name), deadlineMs, letFinish };
      const value = await submit(api, { schema: DrainServerRequestSchema, message, context }, request, 'server');
      return { server: await show(value.server), plan: movePlanToProto(value.plan), ...planOf(value) };
    },

    async confirmServerDead(message, context) {
      const request: Call = {
        kind: 'confirm_server_dead',
        server: serverIdOf(message.name),
        uid: message.uid,
        boot: message.bootId,
        epochs: message.epochs.map((epoch, index) => fromUint64(epoch, `epochs[${index}]`)),
        reason: message.reason,
      };
      const value = await submit(api, { schema: ConfirmServerDeadRequestSchema, message, context }, request, 'server');
      return { server: await show(value.server), runs: value.runs.map(runName), ...planOf(value) };
    },
  };
}
