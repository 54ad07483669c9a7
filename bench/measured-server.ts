/** A server of `agent-server.ts` seen from outside: its process, what it uses, and a swarm of agents of its own. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { get as httpGet, type IncomingMessage } from 'node:http';
import { get as httpsGet } from 'node:https';
import { join } from 'node:path';
import { text as readText } from 'node:stream/consumers';
import type { ConnectionOptions } from 'node:tls';
import { type ChannelCredentials, credentials } from '@grpc/grpc-js';
import type { DialTls } from '../agent/connection.ts';
import { openClusterAuthority } from '../controller/access/cluster-authority.ts';
import type { PeerKind } from '../shared/access/identity.ts';
import type { PeerRule } from '../shared/access/peer-judge.ts';
import { present } from '../shared/assert.ts';
import { makeRequest } from '../shared/pki/key-pair.ts';
import { dialOptions, serverIdentityCheck, TlsIdentity } from '../shared/rpc/tls-identity.ts';
import type { AuthorityOnDisk, CpuAnswer, MemoryAnswer, Question, ServerKind, ServerReady } from './agent-server.ts';
import { Swarm } from './swarm.ts';

export class MeasuredServer {
  readonly kind: ServerKind;
  readonly swarm: Swarm;
  readonly #child: ChildProcess;
  readonly #ready: ServerReady;
  #user: Promise<TlsIdentity> | undefined;

  private constructor(kind: ServerKind, child: ChildProcess, ready: ServerReady) {
    this.kind = kind;
    this.#child = child;
    this.#ready = ready;
    const { agentAddress, tls } = ready;
    this.swarm = new Swarm(agentAddress, tls && ((name) => agentCredentials(tls, name)));
  }

  /** `access`: whether a controller asks its callers for a token, as it does in production. */
  static async start(kind: ServerKind, access: 'open' | 'closed' = 'open'): Promise<MeasuredServer> {
    const child = fork(join(import.meta.dirname, 'agent-server.ts'), [kind, access], { execArgv: ['--expose-gc'] });
    const [ready] = (await once(child, 'message')) as [ServerReady];
    return new MeasuredServer(kind, child, ready);
  }

  get isController(): boolean {
    return this.kind.startsWith('controller');
  }

  get ports(): { readonly api: number; readonly agents: number } {
    const portOf = (address: string): number => Number(address.slice(address.lastIndexOf(':') + 1));
    return { api: portOf(this.#ready.apiAddress), agents: portOf(this.#ready.agentAddress) };
  }

  /** Where a user calls it, and what he shows: with TLS a certificate. */
  async api(): Promise<{ readonly url: string; readonly options: ConnectionOptions }> {
    const { apiAddress, tls } = this.#ready;
    if (tls === undefined) return { url: `http://${apiAddress}`, options: {} };
    this.#user ??= identityOf(tls, 'user', 'bench');
    return { url: `https://${apiAddress}`, options: dialOptions(await this.#user, rule(tls)) };
  }

  /** What an agent that joined has: its certificate, and whom it takes for a controller. @throws where it speaks plaintext */
  async joined(name: string): Promise<DialTls> {
    const tls = present(this.#ready.tls, 'a server with TLS');
    return { identity: await identityOf(tls, 'server', name), rule: rule(tls)() };
  }

  get agentAddress(): string {
    return this.#ready.agentAddress;
  }

  /** Headers of who may ask for everything. */
  get authorization(): { readonly authorization?: string } {
    const { token } = this.#ready;
    return token === '' ? {} : { authorization: `Bearer ${token}` };
  }

  async cpuMicros(): Promise<number> {
    return ((await this.#ask('cpu')) as CpuAnswer).cpuMicros;
  }

  /** After a collection of garbage. */
  async memory(): Promise<MemoryAnswer> {
    return (await this.#ask('memory')) as MemoryAnswer;
  }

  /** Reads one line of a controller's `/metrics`. */
  async metric(line: string): Promise<number> {
    const { url, options } = await this.api();
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const page = `${url}/metrics`;
    const request = page.startsWith('https:') ? httpsGet(page, options) : httpGet(page);
    request.once('response', resolve).once('error', reject);
    const text = await readText(await promise);
    const found = text.split('\n').find((candidate) => candidate.startsWith(`${line} `));
    if (found === undefined) throw new Error(`/metrics has no line ${line}: ${text.slice(0, 200)}`);
    return Number(found.slice(line.length));
  }

  async close(): Promise<void> {
    this.swarm.close();
    const ended = once(this.#child, 'exit');
    this.#child.disconnect();
    await ended;
  }

  async #ask(question: Question): Promise<unknown> {
    this.#child.send(question);
    const [answer] = await once(this.#child, 'message');
    return answer;
  }
}

const rule =
  ({ clusterId }: AuthorityOnDisk): (() => PeerRule) =>
  () => ({ clusterId, kinds: ['controller'] });

/** A certificate of the server's own authority. */
async function identityOf(place: AuthorityOnDisk, kind: PeerKind, name: string): Promise<TlsIdentity> {
  const { clusterId } = place;
  const { authority, rootsPem } = await openClusterAuthority({ ...place, nowMs: Date.now() });
  const { csrPem, keyPem } = await makeRequest();
  const signer = present(authority, 'the authority that the server made');
  const { certPem } = await signer.sign({ csrPem, identity: { clusterId, kind, name }, nowMs: Date.now() });
  return new TlsIdentity({ certPem, keyPem, rootsPem });
}

async function agentCredentials(place: AuthorityOnDisk, name: string): Promise<ChannelCredentials> {
  const { context } = await identityOf(place, 'server', name);
  return credentials.createFromSecureContext(context, { checkServerIdentity: serverIdentityCheck(rule(place)) });
}
