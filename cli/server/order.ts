/** `locum server order | promote | demote | make-primary | move`. */
import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import { createClient } from '@connectrpc/connect';
import { Apply, type MovePlan, type ServerOrder } from '../../shared/gen/locum/v1/pool_pb.ts';
import {
  GetServerOrderResponseSchema,
  PoolService,
  SetServerOrderResponseSchema,
} from '../../shared/gen/locum/v1/pool_service_pb.ts';
import {
  DemoteServerResponseSchema,
  MakePrimaryResponseSchema,
  MoveServerResponseSchema,
  PromoteServerResponseSchema,
  ServerService,
} from '../../shared/gen/locum/v1/server_service_pb.ts';
import { nameIn } from '../client/names.ts';
import { withTransport } from '../client/session.ts';
import { CommandFailure } from '../exit-codes.ts';
import { type DryRunOption, type Globals, isDryRun, trialOf } from '../globals.ts';
import { printAnswer, tellPlan } from '../output/print.ts';
import { idOf } from '../output/words.ts';
import { planText } from './plan.ts';

export interface OrderOptions extends DryRunOption {
  readonly apply: 'new-only' | 'move-now';
  readonly etag?: string;
}

export interface PlaceOptions extends OrderOptions {
  readonly rank?: number;
  readonly before?: string;
  readonly after?: string;
}

interface OrderAnswer {
  readonly planEtag: string;
  readonly order?: ServerOrder | undefined;
  readonly plan?: MovePlan | undefined;
}

const terms = (options: OrderOptions) => ({
  apply: options.apply === 'move-now' ? Apply.MOVE_NOW : Apply.NEW_ONLY,
  etag: options.etag ?? '',
  ...trialOf(options),
});

function orderLines(order: ServerOrder | undefined): string {
  const servers = order?.servers ?? [];
  if (servers.length === 0) return 'No server has registered yet. Start one with "locum agent".';
  return servers.map((server, i) => `${i + 1}  ${idOf(server)}${i === 0 ? '  (primary)' : ''}`).join('\n');
}

async function printOrder<Desc extends DescMessage>(
  globals: Globals,
  schema: Desc,
  answer: MessageShape<Desc> & OrderAnswer,
  options: OrderOptions,
): Promise<void> {
  await printAnswer(globals, schema, answer, {
    table: () => `${orderLines(answer.order)}\n\n${planText(answer.plan, { dryRun: isDryRun(options) })}`,
    names: () => answer.order?.servers ?? [],
  });
  tellPlan(answer.planEtag);
}

export async function order(
  globals: Globals,
  ids: readonly string[],
  options: OrderOptions & { readonly pool: string },
): Promise<void> {
  const pool = nameIn('pools', options.pool);
  await withTransport(globals, async (transport) => {
    const client = createClient(PoolService, transport);
    if (ids.length === 0) {
      const answer = await client.getServerOrder({ pool });
      await printAnswer(globals, GetServerOrderResponseSchema, answer, {
        table: ({ wide }) => orderLines(answer.order) + (wide ? `\netag: ${answer.order?.etag ?? ''}` : ''),
        names: () => answer.order?.servers ?? [],
      });
      return;
    }
    const servers = ids.map((id) => nameIn('servers', id));
    const answer = await client.setServerOrder({ pool, servers, ...terms(options) });
    await printOrder(globals, SetServerOrderResponseSchema, answer, options);
  });
}

export async function change(
  globals: Globals,
  id: string,
  step: 'promote' | 'demote' | 'make-primary',
  options: OrderOptions,
): Promise<void> {
  const request = { name: nameIn('servers', id), ...terms(options) };
  await withTransport(globals, async (transport) => {
    const client = createClient(ServerService, transport);
    switch (step) {
      case 'promote':
        return printOrder(globals, PromoteServerResponseSchema, await client.promoteServer(request), options);
      case 'demote':
        return printOrder(globals, DemoteServerResponseSchema, await client.demoteServer(request), options);
      case 'make-primary':
        return printOrder(globals, MakePrimaryResponseSchema, await client.makePrimary(request), options);
    }
  });
}

function placeOf({ rank, before, after }: PlaceOptions) {
  if (rank !== undefined) return { case: 'rank', value: rank } as const;
  if (before !== undefined) return { case: 'before', value: nameIn('servers', before) } as const;
  if (after !== undefined) return { case: 'after', value: nameIn('servers', after) } as const;
  throw new CommandFailure('say where to: --rank N, --before SERVER or --after SERVER');
}

export async function place(globals: Globals, id: string, options: PlaceOptions): Promise<void> {
  const request = { name: nameIn('servers', id), to: placeOf(options), ...terms(options) };
  await withTransport(globals, async (transport) => {
    const answer = await createClient(ServerService, transport).moveServer(request);
    await printOrder(globals, MoveServerResponseSchema, answer, options);
  });
}
