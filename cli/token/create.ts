/** `locum token create`: the line to paste, and nothing else, on standard output. */
import { randomUUID } from 'node:crypto';
import { type Client, createClient } from '@connectrpc/connect';
import { badField } from '../../shared/errors.ts';
import {
  type CreateJoinTokenResponse,
  CreateJoinTokenResponseSchema,
  EnrolmentService,
} from '../../shared/gen/locum/v1/enrolment_service_pb.ts';
import { isLoopback, parseListenAddress } from '../../shared/listen-address.ts';
import { toDuration } from '../../shared/rpc/time-messages.ts';
import { withTransport } from '../client/session.ts';
import { CommandFailure } from '../exit-codes.ts';
import type { Globals } from '../globals.ts';
import { printAnswer, tell } from '../output/print.ts';

export interface CreateTokenOptions {
  readonly for?: string;
  readonly pool?: string;
  /** Milliseconds. */
  readonly ttl: number;
}

export async function createToken(globals: Globals, options: CreateTokenOptions): Promise<void> {
  const request = { ...bindingOf(options), ttl: toDuration(options.ttl) };
  const answer = await withTransport(globals, (transport) =>
    withSecret(createClient(EnrolmentService, transport), request),
  );
  await printAnswer(globals, CreateJoinTokenResponseSchema, answer, {
    table: () => lineFor(answer),
    names: () => [answer.joinToken?.name ?? ''],
  });
  if (globals.output !== 'table' && globals.output !== 'wide') return;
  tell('Paste this line on that host, as root where the units are used. It works once, and it is not shown again.');
  if (answer.endpoints.every(isOfThisHost))
    tell('Its controllers are reached on their own host only: see api_listen and api_advertise (docs/operations.md).');
}

/** A repeated call has no secret to show: its token is taken back, and another one is made. */
async function withSecret(
  client: Client<typeof EnrolmentService>,
  request: Parameters<Client<typeof EnrolmentService>['createJoinToken']>[0],
): Promise<CreateJoinTokenResponse> {
  const answer = await client.createJoinToken({ ...request, requestId: randomUUID() });
  if (answer.token !== '') return answer;
  await client.revokeJoinToken({ name: answer.joinToken?.name ?? '' });
  const again = await client.createJoinToken({ ...request, requestId: randomUUID() });
  if (again.token !== '') return again;
  throw new CommandFailure(`the answer with the secret was lost twice: revoke ${again.joinToken?.name}, and try again`);
}

function bindingOf({ for: whom = '', pool = '' }: CreateTokenOptions) {
  const name = /^(?:servers?\/)?([a-z0-9*-]+)$/.exec(whom)?.[1] ?? '';
  if (whom !== '' && name === '')
    throw badField('INVALID_FIELD', 'for', `"${whom}" is no server: use server/web-1, or server/web-* for new ones`);
  const bound = name.includes('*') ? { serverPattern: name } : { server: name === '' ? '' : `servers/${name}` };
  return { ...bound, pool: pool === '' ? '' : `pools/${pool.replace(/^pools?\//, '')}` };
}

function lineFor({ joinToken, token, caHashes, endpoints }: CreateJoinTokenResponse): string {
  const server = joinToken?.server.slice('servers/'.length) ?? '';
  const pool = joinToken?.pool.slice('pools/'.length) ?? '';
  return [
    'locum agent join',
    endpoints.join(','),
    ...(server === '' ? [] : [`--server ${server}`]),
    ...(pool === '' ? [] : [`--pool ${pool}`]),
    `--token ${token}`,
    ...caHashes.map((hash) => `--ca-hash ${hash}`),
  ].join(' ');
}

function isOfThisHost(endpoint: string): boolean {
  const parsed = parseListenAddress(endpoint);
  return parsed.kind === 'ok' && isLoopback(parsed.address.host);
}
