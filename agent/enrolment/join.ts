/**
 * `locum agent join`: a key of its own, a certificate for it from the controllers, and what an agent needs to start with. It can be
 * repeated at any moment: the key that a token is used with is kept until its certificate is there, so an answer that was lost is given again.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@connectrpc/connect';
import { type PeerIdentity, parseSpiffe } from '../../shared/access/identity.ts';
import { parseJoinToken } from '../../shared/access/join-token.ts';
import { isGone } from '../../shared/caught-error.ts';
import { LocumError } from '../../shared/errors.ts';
import type { EnrolmentService, JoinResponse } from '../../shared/gen/locum/v1/enrolment_service_pb.ts';
import { identityIn, writeCertificateFolder } from '../../shared/pki/certificate-folder.ts';
import { makeRequest, requestFor, requestToDer } from '../../shared/pki/key-pair.ts';
import { readPrivateFile, replacePrivateFile } from '../../shared/pki/private-file.ts';
import { readCertificate } from '../../shared/pki/read-certificate.ts';
import { certificatesIn, leadsTo } from '../../shared/pki/roots.ts';
import { TlsIdentity, TlsMaterialError } from '../../shared/rpc/tls-identity.ts';
import type { JoinedSettings } from '../config.ts';
import { inTurn } from './in-turn.ts';
import { askTrusted, fetchRoots } from './join-client.ts';
import { JoinError } from './join-error.ts';
import { readJoined, USED_TOKEN, writeJoined } from './joined-file.ts';

export interface JoinOptions {
  /** APIs of controllers, `host:port`, tried in this order. */
  readonly endpoints: readonly string[];
  readonly token: string;
  /** Of the roots to believe, `sha256:…`. */
  readonly caHashes: readonly string[];
  readonly server: string;
  /** Undefined: that of the token. */
  readonly pool?: string | undefined;
  readonly stateDir: string;
  readonly tlsDir: string;
  /** Unix milliseconds. Default: this host's clock. */
  readonly nowMs?: () => number;
  /** Waits for the turn of this host, where many join at once. Default: it does. */
  readonly wait?: (ms: number) => Promise<unknown>;
}

export interface Joined extends JoinedSettings {
  readonly clusterId: string;
  readonly notAfterMs: number;
  /** It had joined with this very token, and nothing was done. */
  readonly isOld: boolean;
}

const CA_HASH = /^sha256:[0-9a-f]{64}$/;

/** Rejects with JoinError, LocumError (the controllers' refusal), and what writing a file throws. */
export async function joinCluster(options: JoinOptions): Promise<Joined> {
  const { stateDir, tlsDir, caHashes } = options;
  const token = parseJoinToken(options.token);
  if (token === undefined) throw new JoinError('BAD_TOKEN', 'that is no join token: paste the whole line');
  const badHash = caHashes.find((hash) => !CA_HASH.test(hash));
  if (badHash !== undefined || caHashes.length === 0)
    throw new JoinError('BAD_CA_HASH', '--ca-hash takes sha256: and 64 hexadecimal digits: paste the whole line');
  const before = await identityIn(tlsDir);
  if (before !== undefined) {
    const own = refuseOther(before, options);
    const known = usedTokenIn(tlsDir) === token.id ? await readJoined(stateDir) : undefined;
    const { notAfterMs } = before.life;
    if (known !== undefined && notAfterMs > (options.nowMs ?? Date.now)())
      return { ...known, clusterId: own.clusterId, notAfterMs, isOld: true };
  }
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  mkdirSync(tlsDir, { recursive: true, mode: 0o700 });
  const keyFile = join(tlsDir, `joining-${token.id}.key`);
  const keyPem = await keyIn(keyFile);
  const { csrPem } = await requestFor(keyPem);
  const { answer, rootsPem } = await ask(options, (client) =>
    client.join({
      ...{ token: options.token, server: `servers/${options.server}`, certificateRequest: requestToDer(csrPem) },
      pool: options.pool === undefined ? '' : `pools/${options.pool}`,
    }),
  );
  const material = { certPem: answer.certificate, keyPem, rootsPem: answer.roots };
  const identity = checked(material, rootsPem, options);
  const settings = { server: options.server, pool: poolOf(answer), controllers: answer.controllers };
  writeJoined(stateDir, settings);
  await writeCertificateFolder(tlsDir, material);
  replacePrivateFile(join(tlsDir, USED_TOKEN), `${token.id}\n`);
  forgetKeys(tlsDir);
  const { notAfterMs } = readCertificate(answer.certificate);
  return { ...settings, clusterId: identity.clusterId, notAfterMs, isOld: false };
}

/** A folder is one server's. One that would become another would take the runs of the first along. */
function refuseOther({ material }: TlsIdentity, { server, tlsDir }: JoinOptions): PeerIdentity {
  const own = parseSpiffe(readCertificate(material.certPem).uris[0] ?? '');
  if (own?.kind === 'server' && own.name === server) return own;
  const who = own === undefined ? 'somebody else' : `${own.kind} ${own.name}`;
  const message = `${tlsDir} has the certificate of ${who}, not of ${server}: use another --state-dir, or take that folder away`;
  throw new JoinError('OTHER_IDENTITY', message);
}

function usedTokenIn(tlsDir: string): string {
  try {
    return readFileSync(join(tlsDir, USED_TOKEN), 'utf8').trim();
  } catch (error) {
    if (isGone(error)) return '';
    throw error;
  }
}

/** The key for this token: that of an earlier try, or a new one, on the disk before it is used. */
async function keyIn(file: string): Promise<string> {
  try {
    return readPrivateFile(file);
  } catch (error) {
    if (!isGone(error)) throw error;
  }
  const { keyPem } = await makeRequest();
  replacePrivateFile(file, keyPem);
  return keyPem;
}

function forgetKeys(tlsDir: string): void {
  for (const name of readdirSync(tlsDir)) if (/^joining-.*\.key$/.test(name)) rmSync(join(tlsDir, name));
}

/** Each controller in turn, until one answers. A wrong authority ends it: somebody may be in between. */
async function ask<T>(
  { endpoints, caHashes, nowMs = Date.now, wait = sleep }: JoinOptions,
  call: (client: Client<typeof EnrolmentService>) => Promise<T>,
): Promise<{ readonly answer: T; readonly rootsPem: string }> {
  const problems: string[] = [];
  for (const endpoint of endpoints) {
    try {
      const rootsPem = await fetchRoots(endpoint, caHashes, nowMs);
      return { answer: await inTurn(() => askTrusted(endpoint, rootsPem, call), wait), rootsPem };
    } catch (error) {
      if (!isWorthTheNext(error)) throw error;
      problems.push(error.message);
    }
  }
  throw new JoinError('UNREACHABLE', problems.join('; ') || 'the line names no controller: paste the whole line');
}

const isWorthTheNext = (error: unknown): error is JoinError | LocumError =>
  error instanceof JoinError
    ? error.reason === 'UNREACHABLE'
    : error instanceof LocumError && error.code === 'UNAVAILABLE';

/** What came has to be what was asked for, from whom it was asked. @throws JoinError */
function checked(
  material: ConstructorParameters<typeof TlsIdentity>[0],
  trustedPem: string,
  { server, nowMs = Date.now }: JoinOptions,
): PeerIdentity {
  const bad = (what: string): JoinError =>
    new JoinError('BAD_ANSWER', `the controller's answer can't be used, ${what}: report it, with its version`);
  try {
    const _ = new TlsIdentity(material);
  } catch (error) {
    if (error instanceof TlsMaterialError) throw bad(error.message);
    throw error;
  }
  if (!leadsTo(certificatesIn(material.certPem), certificatesIn(trustedPem)))
    throw bad('the certificate is signed by another authority');
  const { uris, notBeforeMs, notAfterMs } = readCertificate(material.certPem);
  const identity = parseSpiffe(uris[0] ?? '');
  if (identity?.kind !== 'server' || identity.name !== server) throw bad(`the certificate is not for ${server}`);
  if (nowMs() < notBeforeMs || nowMs() >= notAfterMs) {
    const message = 'the certificate is not valid by the clock of this host: set it, and paste the line again';
    throw new JoinError('CLOCK_WRONG', message);
  }
  return identity;
}

const poolOf = ({ pool }: JoinResponse): string => pool.slice('pools/'.length);
