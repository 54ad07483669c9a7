/** What a command shows of itself, and by what it knows the controllers. */
import { X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import { type Caller, isLoopbackAddress } from '../../sdk/typescript/caller.ts';
import type { TlsOptions, TransportOptions } from '../../sdk/typescript/transport.ts';
import { parseSpiffe } from '../../shared/access/identity.ts';
import { readCertificateFolder } from '../../shared/pki/certificate-folder.ts';
import { readPrivateFile } from '../../shared/pki/private-file.ts';
import { peerCertificate, readCertificate } from '../../shared/pki/read-certificate.ts';
import { hasRoots } from '../../shared/pki/roots.ts';
import { dialOptions, PeerRefusedError, TlsIdentity, TlsMaterialError } from '../../shared/rpc/tls-identity.ts';
import type { Sourced, TlsFiles, TokenSource } from '../context/layers.ts';
import { CommandFailure } from '../exit-codes.ts';
import type { Globals } from '../globals.ts';
import type { LoginPlace } from '../login/kept-login.ts';
import { outputOf } from './token-command.ts';
import { mayShow } from './token-guard.ts';

type Asker = Pick<Globals, 'address' | 'target' | 'insecureToken'>;
type Credentials = Pick<Caller, 'token'> & Pick<TransportOptions, 'tls' | 'insecureToken'>;

/** @throws CommandFailure rather than send a token where it can be read on its way */
export async function credentialsOf({ address, target, insecureToken = false }: Asker): Promise<Credentials> {
  const { tls, token } = target ?? {};
  const way = { addresses: address, isSecret: tls !== undefined, insecureToken };
  if (token !== undefined) checkWay(way, token);
  const users = target?.controllerUsers ?? [];
  return {
    ...(tls === undefined ? {} : { tls: await tlsOptions(tls.value) }),
    ...(token === undefined ? {} : { token: guarded(token, way, users), insecureToken }),
  };
}

interface Way {
  readonly addresses: readonly string[];
  /** By TLS, which also says who answers. */
  readonly isSecret: boolean;
  readonly insecureToken: boolean;
}

function checkWay({ addresses, isSecret, insecureToken }: Way, { value, from }: Sourced<TokenSource>): void {
  const exposed = addresses.find((address) => !isLoopbackAddress(address));
  if (exposed === undefined) return;
  if (value.kind === 'local') throw new CommandFailure(`the token in ${value.path} is for this host only`);
  if (isSecret || insecureToken) return;
  throw new CommandFailure(
    `the token of ${from} would go to ${exposed} in plain text: nothing was sent\n` +
      'Say which authority stands for the controllers: --ca-file FILE, or "locum context set NAME --ca-file FILE".\n' +
      'Where nobody can read along, as in a VPN: --insecure-token.',
  );
}

/** The token, for whoever may see it. Undefined: nobody listens who could be shown it. Rejects with CommandFailure, and what reading a file throws. */
function guarded(source: Sourced<TokenSource>, way: Way, users: readonly number[]): () => Promise<string | undefined> {
  const read = readerOf(source);
  const { value, from } = source;
  if (value.kind === 'local') return async () => ((await isForLocal(value.path, way)) ? read() : undefined);
  if (way.isSecret || way.insecureToken) return read;
  return async () => {
    const own = [process.getuid?.(), value.kind === 'file' ? (await stat(value.path)).uid : undefined];
    const trusted = new Set([0, ...own, ...users].filter((uid) => uid !== undefined));
    const advice =
      'Is that a controller of yours? Then give it TLS, name its data directory in LOCUM_DATA_DIR, or say --insecure-token.';
    const whose = `the token of ${from} is for controllers of root, of yourself, or of the service`;
    return mayShow({ whose, addresses: way.addresses, trusted, advice }) === false ? undefined : read();
  };
}

/** Of the administrator's, by TLS too: the roots beside it are those of any controller of the cluster. */
async function isForLocal(path: string, { addresses }: Way): Promise<boolean> {
  const { uid } = await stat(path);
  const trusted = new Set([0, uid]);
  const advice = 'Is that a controller of yours? Say who calls: LOCUM_TOKEN, or --token-file FILE.';
  return mayShow({ whose: `the token in ${path} belongs to user ${uid}`, addresses, trusted, advice }) ?? false;
}

const TOKEN = /^[\x21-\x7e]+$/;

const COMMAND_COUNTS_FOR_MS = 60_000;

/**
 * A file is read anew for each call, and a command is asked again after a while: what follows a stream for days outlives its token.
 * What is read rejects with CommandFailure, or what reading a file throws.
 */
function readerOf({ value, from }: Sourced<TokenSource>): () => Promise<string> {
  switch (value.kind) {
    case 'text':
      return async () => tokenIn(value.token, from);
    case 'command':
      return printedBy(value.command, from);
    case 'login':
      return keptBy(value);
    case 'file':
    case 'local':
      return async () => tokenIn(await readFile(value.path, 'utf8'), value.path);
  }
}

/** Calls that are made together have it made new once. */
function keptBy(place: LoginPlace): () => Promise<string> {
  let asking: Promise<string> | undefined;
  return () => {
    asking ??= import('../login/kept-login.ts')
      .then(({ tokenOfLogin }) => tokenOfLogin(place))
      .finally(() => {
        asking = undefined;
      });
    return asking;
  };
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

async function readRoots(file: string): Promise<string> {
  const text = await readFile(file, 'utf8');
  if (!hasRoots(text)) throw new TlsMaterialError(`${file} has no certificate: PEM is wanted`);
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
