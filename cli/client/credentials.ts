/** What a command shows of itself, and by what it knows the controllers. */
import { X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import { type Caller, isLoopbackAddress } from '../../sdk/typescript/caller.ts';
import type { TlsOptions } from '../../sdk/typescript/transport.ts';
import { parseSpiffe } from '../../shared/access/identity.ts';
import { readCertificateFolder } from '../../shared/pki/certificate-folder.ts';
import { readPrivateFile } from '../../shared/pki/private-file.ts';
import { peerCertificate, readCertificate } from '../../shared/pki/read-certificate.ts';
import { dialOptions, PeerRefusedError, TlsIdentity, TlsMaterialError } from '../../shared/rpc/tls-identity.ts';
import type { Sourced, TlsFiles, TokenSource } from '../context/layers.ts';
import { listenersOn } from '../context/listener-owner.ts';
import { CommandFailure, EXIT } from '../exit-codes.ts';
import type { Globals } from '../globals.ts';
import { outputOf } from './token-command.ts';

/** @throws CommandFailure rather than send a token where it can be read on its way */
export async function credentialsOf({
  address,
  target,
}: Pick<Globals, 'address' | 'target'>): Promise<Pick<Caller, 'token'> & { readonly tls?: TlsOptions }> {
  const { tls, token } = target ?? {};
  if (token !== undefined) checkWay(address, token, tls !== undefined);
  return {
    ...(tls === undefined ? {} : { tls: await tlsOptions(tls.value) }),
    ...(token === undefined ? {} : { token: readerOf(token, address) }),
  };
}

function checkWay(addresses: readonly string[], { value, from }: Sourced<TokenSource>, isSecret: boolean): void {
  const exposed = addresses.find((address) => !isLoopbackAddress(address));
  if (exposed === undefined) return;
  if (value.kind === 'local') throw new CommandFailure(`the token in ${value.path} is for this host only`);
  if (isSecret) return;
  throw new CommandFailure(
    `the token of ${from} would go to ${exposed} in plain text: nothing was sent\n` +
      'Say which authority stands for the controllers: --ca-file FILE, or "locum context set NAME --ca-file FILE".',
  );
}

/** Undefined: nobody listens who could be shown it. @throws CommandFailure, and what reading a file throws */
async function localToken(path: string, addresses: readonly string[]): Promise<string | undefined> {
  const ports = addresses.map((address) => Number(address.split(':').at(-1)));
  const listeners = ports.flatMap((port) => [...listenersOn(port)]);
  const { uid } = await stat(path);
  // When no controller runs any user of this host may take its port, and would be sent what lets him administer the cluster.
  const stranger = listeners.find((listener) => listener !== 0 && listener !== uid);
  if (stranger === undefined) return listeners.length === 0 ? undefined : tokenIn(await readFile(path, 'utf8'), path);
  throw new CommandFailure(
    `user ${stranger} of this host listens on ${addresses.join(', ')}, and the token in ${path} belongs to user ${uid}: nothing was sent\n` +
      'Is that a controller of yours? Say who calls: LOCUM_TOKEN, or --token-file FILE.',
    EXIT.denied,
  );
}

const TOKEN = /^[\x21-\x7e]+$/;

const COMMAND_COUNTS_FOR_MS = 60_000;

/**
 * A file is read anew for each call, and a command is asked again after a while: what follows a stream for days outlives its token.
 * What is read rejects with CommandFailure, or what reading a file throws.
 */
function readerOf(
  { value, from }: Sourced<TokenSource>,
  addresses: readonly string[],
): () => Promise<string | undefined> {
  switch (value.kind) {
    case 'text':
      return async () => tokenIn(value.token, from);
    case 'file':
      return async () => tokenIn(await readFile(value.path, 'utf8'), value.path);
    case 'command':
      return printedBy(value.command, from);
    case 'local':
      return () => localToken(value.path, addresses);
  }
}

function printedBy(command: string, from: string): () => Promise<string> {
  let printed: { readonly text: Promise<string>; readonly atMono: number } | undefined;
  return async () => {
    if (printed === undefined || performance.now() - printed.atMono >= COMMAND_COUNTS_FOR_MS)
      printed = { text: outputOf({ command, from }), atMono: performance.now() };
    return tokenIn(await printed.text, `what token_command of ${from} prints`);
  };
}

/** @throws CommandFailure */
function tokenIn(text: string, where: string): string {
  const [line = ''] = text.split(/\r?\n/);
  const token = line.trim();
  if (TOKEN.test(token)) return token;
  throw new CommandFailure(`${where} has no token: one line of visible characters is wanted`);
}

async function tlsOptions(files: TlsFiles): Promise<TlsOptions> {
  const { folder, caFile, certFile, keyFile } = files;
  if (folder !== undefined) return ofCluster(await readCertificateFolder(folder), folder);
  const certPem = certFile === undefined ? undefined : await readFile(certFile, 'utf8');
  const keyPem = keyFile === undefined ? undefined : readPrivateFile(keyFile);
  const rootsPem = caFile === undefined ? undefined : await readRoots(caFile);
  if (certPem !== undefined && keyPem !== undefined && rootsPem !== undefined) {
    return ofCluster({ certPem, keyPem, rootsPem }, certFile ?? '');
  }
  const own = certPem === undefined || keyPem === undefined ? {} : { cert: certPem, key: keyPem };
  return { ...own, ...(rootsPem === undefined ? {} : { ca: rootsPem }), checkServerIdentity: controllerOrHost };
}

/** Node takes a text without a certificate for no authority at all. */
async function readRoots(file: string): Promise<string> {
  const text = await readFile(file, 'utf8');
  if (!text.includes('-----BEGIN CERTIFICATE-----'))
    throw new TlsMaterialError(`${file} has no certificate: PEM is wanted`);
  return text;
}

/** The controllers are judged by their identity in the cluster of our own certificate. */
function ofCluster(material: ConstructorParameters<typeof TlsIdentity>[0], where: string): TlsOptions {
  const own = parseSpiffe(readCertificate(material.certPem).uris[0] ?? '');
  if (own === undefined) throw new TlsMaterialError(`the certificate in ${where} is none of a cluster of Locum`);
  return dialOptions(new TlsIdentity(material), () => ({ clusterId: own.clusterId, kinds: ['controller'] }));
}

/** A certificate with an identity must be that of a controller; one without, as of a proxy, must name the host that was dialled. */
function controllerOrHost(host: string, peer: PeerCertificate): Error | undefined {
  const certificate = new X509Certificate(peer.raw);
  if (!/spiffe:/i.test(certificate.subjectAltName ?? '')) return checkServerIdentity(host, peer);
  const [uri = '', ...more] = peerCertificate(certificate, undefined).uris;
  if (more.length === 0 && parseSpiffe(uri)?.kind === 'controller') return undefined;
  return new PeerRefusedError('WRONG_KIND', 'its certificate is that of no controller');
}
