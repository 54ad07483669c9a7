/** Enrolment: join tokens, and the first certificate of a server for one of them. */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ServiceImpl } from '@connectrpc/connect';
import { JOIN_TOKEN_BYTES, joinTokenFrom, joinTokenText, parseJoinToken } from '../../shared/access/join-token.ts';
import { assert } from '../../shared/assert.ts';
import { invalidField, LocumError } from '../../shared/errors.ts';
import {
  CreateJoinTokenRequestSchema,
  type EnrolmentService,
  type JoinRequest,
  RevokeJoinTokenRequestSchema,
} from '../../shared/gen/locum/v1/enrolment_service_pb.ts';
import { JoinTokenSchema } from '../../shared/gen/locum/v1/join_token_pb.ts';
import { CertificateRequestError, requestKeyHash } from '../../shared/pki/authority.ts';
import { requestFromDer } from '../../shared/pki/key-pair.ts';
import { caHashesOf } from '../../shared/pki/roots.ts';
import { poolName } from '../../shared/resource-name.ts';
import { fromDuration, toTimestamp } from '../../shared/rpc/time-messages.ts';
import { sha256 } from '../../shared/sha256.ts';
import { HOUR, SECOND } from '../../shared/time.ts';
import type { Signer } from '../access/signer.ts';
import { joinTokenToProto } from '../codec/join-token.ts';
import type { Call, CallValue } from '../core/cluster/event.ts';
import { type JoinToken, joinTokenName } from '../core/records/join-token.ts';
import { presentedToken } from '../core/servers/join-tokens.ts';
import { type ApiContext, originOf, submit } from './api-context.ts';
import { authorityCalls } from './authority-calls.ts';
import { pageOf } from './page.ts';
import { poolIdOf, serverIdOf } from './resource-id.ts';
import { revocationCalls } from './revocation-calls.ts';

const DEFAULT_TTL_MS = HOUR;
/** Whoever joins waits for ten seconds. */
const MOST_AHEAD_MS = 5 * SECOND;

export function enrolmentService(api: ApiContext): ServiceImpl<typeof EnrolmentService> {
  const show = (token: JoinToken) => api.leaderTerm().read((_, { wall }) => joinTokenToProto(token, wall));
  return {
    async createJoinToken(message, context) {
      const { rootsPem } = signerOf(api);
      const { server, serverPattern, pool, ttl } = message;
      checkBinding(message);
      const made = joinTokenFrom(randomBytes(JOIN_TOKEN_BYTES));
      const request: Call = {
        kind: 'create_join_token',
        ...{ id: made.id, secretHash: sha256(made.secret), serverPattern, ttlMs: fromDuration(ttl) ?? DEFAULT_TTL_MS },
        server: server === '' ? undefined : serverIdOf(server, 'server'),
        pool: pool === '' ? undefined : poolIdOf(pool, 'pool'),
      };
      const submission = { schema: CreateJoinTokenRequestSchema, message, context };
      const { token } = await submit(api, submission, request, 'join_token');
      const controllers = await api.controllers.list();
      return {
        joinToken: await show(token),
        // Of a repeated call it is that of the first one, whose secret nobody has any more.
        token: token.id === made.id ? joinTokenText(made) : '',
        caHashes: [...caHashesOf(rootsPem)],
        endpoints: controllers.map(({ api: address }) => address).filter((address) => address !== ''),
      };
    },

    async listJoinTokens(request) {
      return api.leaderTerm().read((state, { wall }) => {
        const tokens = [...state.joinTokens.values()].sort(newestFirst);
        const { shown, nextPageToken } = pageOf(tokens, request, {
          question: ['ListJoinTokens'],
          cursorOf: ({ createWall, id }) => `${createWall} ${id}`,
          indexAfter: indexAfterToken,
          schema: JoinTokenSchema,
          show: (token) => joinTokenToProto(token, wall),
        });
        return { joinTokens: shown, nextPageToken };
      });
    },

    async revokeJoinToken(message, context) {
      const request: Call = { kind: 'revoke_join_token', id: message.name.slice(joinTokenName({ id: '' }).length) };
      const submission = { schema: RevokeJoinTokenRequestSchema, message, context };
      const { token } = await submit(api, submission, request, 'join_token');
      return { joinToken: await show(token) };
    },

    ...revocationCalls(api),
    ...authorityCalls(api),

    async getRoots() {
      const { rootsPem: roots, endorsementsPem: endorsements = '' } = signerOf(api);
      return { roots, endorsements, time: toTimestamp(Date.now()) };
    },

    async join(message, context) {
      const signer = signerOf(api);
      const origin = originOf(context);
      const asked = joinCall(message);
      const leaderTerm = api.leaderTerm();
      // In the order of what it costs: a request of a stranger is not even read.
      await leaderTerm.read((state) => presentedToken(state, asked));
      signer.refuseWithoutKey();
      const request = { ...asked, keyHash: await keyHashOf(message.certificateRequest), source: origin.source };
      const judgedMs = Date.now();
      // Who asks is known by the token alone, and that is judged by the core: the line of the event log names the server.
      const value = await leaderTerm.call({
        ...{ actor: `agent:${request.server}`, origin, request },
        ...{ requestId: '', fingerprint: '', validateOnly: false },
      });
      assert(value.kind === 'admitted', `the core answered join with ${value.kind}`);
      // The token is used up by then, for this key: whoever comes again with both is admitted again.
      signer.turns.take(value.server);
      return { ...(await signed(signer, message, { ...value, judgedMs })), controllers: await agentEndpoints(api) };
    },
  };
}

function signerOf({ signer }: ApiContext): Signer {
  if (signer !== undefined) return signer;
  const message = 'this cluster has no certificates: start its controllers with --tls, or give agents no token';
  throw new LocumError('NO_AUTHORITY', message);
}

function checkBinding({
  server,
  serverPattern,
  pool,
}: Pick<
  Parameters<ServiceImpl<typeof EnrolmentService>['createJoinToken']>[0],
  'server' | 'serverPattern' | 'pool'
>): void {
  if (server !== '' && serverPattern !== '')
    throw invalidField(
      'server_pattern',
      'goes without server: a token is for one server, or for the names of a pattern',
    );
  if (server === '' && serverPattern === '' && pool === '')
    throw invalidField('server', 'say whom the token is for: server, server_pattern, or pool');
}

/** What is no token is one that nobody knows. @throws LocumError INVALID_FIELD */
function joinCall(message: JoinRequest): Omit<Extract<Call, { kind: 'join' }>, 'source' | 'keyHash'> {
  const { id = '', secret = '' } = parseJoinToken(message.token) ?? {};
  return {
    kind: 'join',
    ...{ token: id, secretHash: sha256(secret) },
    server: serverIdOf(message.server, 'server'),
    pool: message.pool === '' ? undefined : poolIdOf(message.pool, 'pool'),
  };
}

async function keyHashOf(der: Uint8Array): Promise<string> {
  try {
    return await requestKeyHash(requestFromDer(der));
  } catch (error) {
    if (error instanceof CertificateRequestError) throw invalidField('certificate_request', error.message);
    throw error;
  }
}

async function signed(
  signer: Signer,
  { certificateRequest }: JoinRequest,
  { server, pool, bound, validFromWall, judgedMs }: Extract<CallValue, { kind: 'admitted' }> & { judgedMs: number },
) {
  const holder = { kind: 'server' as const, name: server, ...(bound === undefined ? {} : { pool: bound }) };
  const { certPem, rootsPem, clusterId, notBeforeMs, notAfterMs } = await signer.sign(
    requestFromDer(certificateRequest),
    holder,
    { validFromMs: validFromWall, judgedMs },
  );
  // Within the second of a revocation, or of several: nobody is given what is not valid yet.
  const aheadMs = notBeforeMs - Date.now();
  if (aheadMs > 0) await sleep(Math.min(aheadMs, MOST_AHEAD_MS));
  const expireTime = toTimestamp(notAfterMs);
  return { certificate: certPem, roots: rootsPem, clusterId, pool: poolName(pool), expireTime };
}

async function agentEndpoints({ controllers }: ApiContext): Promise<string[]> {
  return (await controllers.list()).map(({ agent }) => agent).filter((address) => address !== '');
}

type Place = Pick<JoinToken, 'createWall' | 'id'>;

/** An order in which no two are equal. */
function newestFirst(a: Place, b: Place): number {
  if (a.createWall !== b.createWall) return b.createWall - a.createWall;
  return a.id < b.id ? -1 : Number(a.id > b.id);
}

function indexAfterToken(tokens: readonly JoinToken[], cursor: string): number | undefined {
  const [, createWall, id] = /^(\d+) ([a-z0-9]+)$/.exec(cursor) ?? [];
  if (id === undefined) return undefined;
  const index = tokens.findIndex((token) => newestFirst(token, { createWall: Number(createWall), id }) > 0);
  return index < 0 ? tokens.length : index;
}
