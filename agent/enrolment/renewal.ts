/**
 * Renews the certificate that this host was given when it joined, at two thirds of its life and with a new key, while everything goes on:
 * open streams stay, the next dial shows the new one. As long as no controller can sign, nothing happens but that it is tried again.
 */
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import type { ServiceError } from '@grpc/grpc-js';
import { parseSpiffe, spiffeOf } from '../../shared/access/identity.ts';
import { messageOf } from '../../shared/caught-error.ts';
import type { DiskLane } from '../../shared/disk-lane.ts';
import { AgentService, RenewCertificateRequestSchema } from '../../shared/gen/locum/v1/agent_service_pb.ts';
import type { Logger } from '../../shared/log.ts';
import { storeCertificateFolder } from '../../shared/pki/certificate-folder.ts';
import { makePlainRequest } from '../../shared/pki/plain-request.ts';
import { readCertificate } from '../../shared/pki/read-certificate.ts';
import { clientOptions } from '../../shared/rpc/channel-options.ts';
import { callUnary, makeClient } from '../../shared/rpc/grpc-js-binding.ts';
import { TlsIdentity, type TlsMaterial } from '../../shared/rpc/tls-identity.ts';
import { MINUTE } from '../../shared/time.ts';
import { type DialTls, dialCredentials, NAMED } from '../connection.ts';
import { USED_TOKEN } from './joined-file.ts';

export interface RenewalOptions {
  /** Of the certificate. */
  readonly folder: string;
  readonly tls: DialTls;
  /** Agent listeners, `host:port`; the leader's answers. */
  readonly controllers: readonly string[];
  readonly lane: Pick<DiskLane, 'run'>;
  readonly log: Pick<Logger, 'info' | 'warn'>;
  /** From 0 to 1: how late within its window this host is, so that those that joined together do not come together. Default: random. */
  readonly lateness?: number;
}

const LOOK_MS = MINUTE;
/** Between two tries that failed. */
const RETRY_MS = 5 * MINUTE;
const CALL_MS = 10_000;
/** Parts of its life after which it is renewed: from two thirds on, a twelfth later at most. */
const [DUE, SPREAD] = [2 / 3, 1 / 12];

export class Renewal {
  readonly #options: RenewalOptions;
  readonly #lateness: number;
  #timer: NodeJS.Timeout | undefined;
  #notBeforeMs = 0;

  constructor(options: RenewalOptions) {
    this.#options = options;
    this.#lateness = options.lateness ?? Math.random();
  }

  start(): void {
    this.#timer = setInterval(() => void this.look(Date.now()), LOOK_MS).unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** When the certificate is to be renewed. Unix milliseconds. */
  get dueMs(): number {
    const { notBeforeMs, notAfterMs } = this.#options.tls.identity.life;
    return notBeforeMs + (notAfterMs - notBeforeMs) * (DUE + SPREAD * this.#lateness);
  }

  /** Renews if it is time; true: it was done. Never rejects. */
  async look(nowMs: number): Promise<boolean> {
    const { folder, lane, log } = this.#options;
    if (nowMs < this.dueMs || nowMs < this.#notBeforeMs) return false;
    this.#notBeforeMs = nowMs + RETRY_MS;
    try {
      // What other tools put there is theirs to renew.
      await lane.run(() => access(join(folder, USED_TOKEN)));
    } catch {
      return false;
    }
    try {
      const material = await this.#ask();
      // First where the next start finds it: a host that shows what it does not have any more after a restart is locked out.
      await lane.run(() => storeCertificateFolder(folder, material));
      this.#options.tls.identity.replace(material);
      this.#notBeforeMs = 0;
      log.info(
        { folder },
        `the certificate was renewed until ${new Date(this.#options.tls.identity.life.notAfterMs).toISOString()}`,
      );
      return true;
    } catch (error) {
      log.warn({ folder }, `the certificate was not renewed, and is tried again: ${messageOf(error)}`);
      return false;
    }
  }

  async #ask(): Promise<TlsMaterial> {
    const { request, keyPem } = await makePlainRequest();
    const problems: string[] = [];
    for (const endpoint of this.#options.controllers) {
      try {
        const { certificate, roots } = await this.#askOne(endpoint, request);
        return this.#checked({ certPem: certificate, keyPem, rootsPem: roots });
      } catch (error) {
        problems.push(`${endpoint}: ${reasonOf(error)}`);
      }
    }
    throw new Error(problems.join('; '));
  }

  async #askOne(endpoint: string, certificateRequest: Uint8Array) {
    const { tls } = this.#options;
    const client = makeClient(AgentService, endpoint, dialCredentials(tls), { ...clientOptions, ...NAMED });
    try {
      const message = create(RenewCertificateRequestSchema, { certificateRequest });
      return await callUnary(client, AgentService.method.renewCertificate, message, CALL_MS);
    } finally {
      client.close();
    }
  }

  /** It has to be for whom the old one is. @throws Error, TlsMaterialError */
  #checked(material: TlsMaterial): TlsMaterial {
    const _ = new TlsIdentity(material);
    const [was, is] = [this.#options.tls.identity.material, material].map(({ certPem }) => uriIn(certPem));
    if (was !== is) throw new Error(`the controller signed for ${is} instead of ${was}`);
    return material;
  }
}

function uriIn(certPem: string): string {
  const identity = parseSpiffe(readCertificate(certPem).uris[0] ?? '');
  return identity === undefined ? 'nobody' : spiffeOf(identity);
}

/** What the controller said, or why it said nothing. */
function reasonOf(error: unknown): string {
  const { details }: Partial<ServiceError> = error instanceof Error ? error : {};
  return details ?? messageOf(error);
}
