/**
 * The API of a controller as a host sees it that has nothing yet but a line that was pasted: first the roots of the authority, which are
 * believed for the hash in that line alone, then the join, over a connection that these roots stand for. The token is sent to nobody else.
 */
import { X509Certificate } from 'node:crypto';
import type { ConnectionOptions, PeerCertificate as NodePeer } from 'node:tls';
import { type Client, createClient } from '@connectrpc/connect';
import { createGrpcTransport, Http2SessionManager } from '@connectrpc/connect-node';
import { parseSpiffe } from '../../shared/access/identity.ts';
import type { LocumError } from '../../shared/errors.ts';
import { EnrolmentService } from '../../shared/gen/locum/v1/enrolment_service_pb.ts';
import { readCertificate } from '../../shared/pki/read-certificate.ts';
import { believable, caHashOf, rootsIn } from '../../shared/pki/roots.ts';
import { spokeToPlain } from '../../shared/rpc/connection-error.ts';
import { fromConnectError } from '../../shared/rpc/status-details.ts';
import { fromTimestamp } from '../../shared/rpc/time-messages.ts';
import { JoinError } from './join-error.ts';

const CALL_MS = 10_000;
/** Clocks that differ by more can't agree on which certificates are valid. */
export const CLOCKS_APART_MS = 4 * 60_000;

/** The roots that the hashes name, PEM. @throws JoinError */
export async function fetchRoots(endpoint: string, caHashes: readonly string[], nowMs: () => number): Promise<string> {
  const { roots, time, endorsements } = await asking(endpoint, { rejectUnauthorized: false }, (client) =>
    client.getRoots({}),
  );
  const trusted = believable(roots, endorsements, caHashes);
  if (trusted.length === 0) {
    const what = rootsIn(roots).map(caHashOf).join(', ') || 'none';
    const message = `the authority of ${endpoint} is not the one of the pasted line (it has ${what}): nothing was sent to it. Somebody may be in between; else make a new token, and paste its line`;
    throw new JoinError('WRONG_CA', message);
  }
  const apartMs = time === undefined ? 0 : nowMs() - fromTimestamp(time);
  if (Math.abs(apartMs) > CLOCKS_APART_MS) {
    const [minutes, way] = [Math.round(Math.abs(apartMs) / 60_000), apartMs < 0 ? 'behind' : 'before'];
    const message = `the clock of this host is ${minutes} min ${way} that of ${endpoint}, so certificates would not be valid here: set it, and paste the line again`;
    throw new JoinError('CLOCK_WRONG', message);
  }
  return trusted.map((pem) => `${pem}\n`).join('');
}

/** Calls over a connection that ends at a controller for which one of the roots stands. @throws JoinError, LocumError */
export function askTrusted<T>(
  endpoint: string,
  rootsPem: string,
  ask: (client: Client<typeof EnrolmentService>) => Promise<T>,
): Promise<T> {
  return asking(endpoint, { ca: rootsPem, checkServerIdentity: onlyControllers }, ask);
}

/** Chain and dates were checked. The cluster is not known yet: that of the authority it is. */
function onlyControllers(_host: string, peer: NodePeer): Error | undefined {
  const [uri = '', ...more] = readCertificate(new X509Certificate(peer.raw).toString()).uris;
  if (more.length === 0 && parseSpiffe(uri)?.kind === 'controller') return undefined;
  return new JoinError('NO_CONTROLLER', 'its certificate is that of no controller');
}

async function asking<T>(
  endpoint: string,
  tls: ConnectionOptions,
  ask: (client: Client<typeof EnrolmentService>) => Promise<T>,
): Promise<T> {
  const manager = new Http2SessionManager(`https://${endpoint}`, {}, { ...tls, minVersion: 'TLSv1.3' });
  const transport = createGrpcTransport({
    baseUrl: manager.authority,
    sessionManager: manager,
    acceptCompression: [],
    defaultTimeoutMs: CALL_MS,
  });
  try {
    return await ask(createClient(EnrolmentService, transport));
  } catch (error) {
    throw problemOf(error, endpoint);
  } finally {
    manager.abort();
  }
}

/** What a call came to, in words of this host's administrator. */
function problemOf(error: unknown, endpoint: string): LocumError | JoinError {
  const answer = fromConnectError(error);
  if (answer !== undefined) return answer;
  for (let at = error; at instanceof Error; at = at.cause) {
    if (at instanceof JoinError) return new JoinError(at.reason, `${endpoint}: ${at.message}`);
    const code = 'code' in at && typeof at.code === 'string' ? at.code : '';
    if (code === 'CERT_NOT_YET_VALID' || code === 'CERT_HAS_EXPIRED') {
      const message = `the certificate of ${endpoint} is not valid by the clock of this host (${code}): compare the clocks, and paste the line again`;
      return new JoinError('CLOCK_WRONG', message);
    }
    if (CHAIN.test(code)) {
      const message = `whoever answers at ${endpoint} has no certificate of the authority of the pasted line (${code}): nothing was sent`;
      return new JoinError('WRONG_CA', message);
    }
  }
  if (spokeToPlain(error)) {
    const message = `${endpoint} does not speak TLS: is it the API of a controller that was started with --tls?`;
    return new JoinError('NO_TLS', message);
  }
  const why = error instanceof Error ? error.message : String(error);
  return new JoinError('UNREACHABLE', `no answer from ${endpoint}: ${why}`);
}

const CHAIN = /^(?:UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|CERT_)/;
