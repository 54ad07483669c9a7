/**
 * Renews the certificate that this host was given when it joined, with a new key, while everything goes on: open streams stay, the next
 * dial shows the new one. When, and from whom, is the core's decision (core/renewal.ts); here are the call and the files.
 */
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import type { ServiceError } from '@grpc/grpc-js';
import { parseSpiffe, spiffeOf } from '../../shared/access/identity.ts';
import { isGone, messageOf } from '../../shared/caught-error.ts';
import type { DiskLane } from '../../shared/disk-lane.ts';
import { AgentService, RenewCertificateRequestSchema } from '../../shared/gen/locum/v1/agent_service_pb.ts';
import { writeCertificateFolder } from '../../shared/pki/certificate-folder.ts';
import { makePlainRequest } from '../../shared/pki/plain-request.ts';
import { readCertificate } from '../../shared/pki/read-certificate.ts';
import { clientOptions } from '../../shared/rpc/channel-options.ts';
import { callUnary, makeClient } from '../../shared/rpc/grpc-js-binding.ts';
import { fromGrpcError } from '../../shared/rpc/grpc-status.ts';
import { TlsIdentity, type TlsMaterial } from '../../shared/rpc/tls-identity.ts';
import { type DialTls, dialCredentials, NAMED } from '../connection.ts';
import type { RenewalOutcome } from '../core/certificate.ts';
import { certificateFacts } from './certificate-facts.ts';
import { USED_TOKEN } from './joined-file.ts';

export interface RenewalOptions {
  /** Of the certificate. */
  readonly folder: string;
  readonly tls: DialTls;
  readonly lane: Pick<DiskLane, 'run'>;
}

const CALL_MS = 10_000;

/** Asks the controller at this address, and takes over what it signs. Never rejects, and takes as long as the call and the disk may. */
export async function renewCertificate(endpoint: string, options: RenewalOptions): Promise<RenewalOutcome> {
  const { folder, lane, tls } = options;
  try {
    if (!(await isOurs(options))) return { kind: 'FOREIGN' };
    const { request, keyPem } = await makePlainRequest();
    const { certificate, roots } = await ask(endpoint, request, tls);
    const material = checked({ certPem: certificate, keyPem, rootsPem: roots }, tls.identity.material);
    // First where the next start finds it: a host that shows what it does not have any more after a restart is locked out.
    await lane.run(() => writeCertificateFolder(folder, material));
    tls.identity.replace(material);
    return { kind: 'RENEWED', certificate: certificateFacts(tls.identity) };
  } catch (error) {
    return outcomeOf(error, endpoint);
  }
}

/** What other tools put there is theirs to renew. */
function isOurs({ folder, lane }: RenewalOptions): Promise<boolean> {
  return lane
    .run(() => access(join(folder, USED_TOKEN)))
    .then(
      () => true,
      (error: unknown) => {
        if (isGone(error)) return false;
        throw error;
      },
    );
}

async function ask(endpoint: string, certificateRequest: Uint8Array, tls: DialTls) {
  const client = makeClient(AgentService, endpoint, dialCredentials(tls), { ...clientOptions, ...NAMED });
  try {
    const message = create(RenewCertificateRequestSchema, { certificateRequest });
    return await callUnary(client, AgentService.method.renewCertificate, message, CALL_MS);
  } finally {
    client.close();
  }
}

/** It has to be for whom the old one is. @throws Error, TlsMaterialError */
function checked(material: TlsMaterial, old: TlsMaterial): TlsMaterial {
  const _ = new TlsIdentity(material);
  const [was, is] = [old, material].map(({ certPem }) => uriIn(certPem));
  if (was !== is) throw new Error(`the controller signed for ${is} instead of ${was}`);
  return material;
}

function uriIn(certPem: string): string {
  const identity = parseSpiffe(readCertificate(certPem).uris[0] ?? '');
  return identity === undefined ? 'nobody' : spiffeOf(identity);
}

/** What the controller said, or why it said nothing. */
function outcomeOf(error: unknown, endpoint: string): RenewalOutcome {
  const answer = isServiceError(error) ? fromGrpcError(error) : undefined;
  if (answer !== undefined) {
    const { reason, retryAfterMs } = answer;
    return { kind: 'REFUSED', reason, detail: `${endpoint}: ${answer.message}`, retryAfterMs };
  }
  const detail = isServiceError(error) ? error.details : messageOf(error);
  return { kind: 'FAILED', detail: `${endpoint}: ${detail}` };
}

const isServiceError = (error: unknown): error is ServiceError =>
  error instanceof Error && 'metadata' in error && 'details' in error;
