/**
 * What a controller needs for TLS: the authority of its cluster, a certificate of its own that it signs at each start and anew while it
 * runs, and whom each of its connections takes. Its key is never on a disk.
 */
import { hostname } from 'node:os';
import type { PeerKind } from '../../shared/access/identity.ts';
import type { PeerRule } from '../../shared/access/peer-judge.ts';
import { messageOf } from '../../shared/caught-error.ts';
import { parseListenAddress } from '../../shared/listen-address.ts';
import type { Logger } from '../../shared/log.ts';
import { AuthorityError, CERTIFICATE_LIFE_MS } from '../../shared/pki/authority.ts';
import { makeRequest } from '../../shared/pki/key-pair.ts';
import { caHashesOf } from '../../shared/pki/roots.ts';
import type { ListenerTls } from '../../shared/rpc/single-port-listener.ts';
import type { TurnedAway } from '../../shared/rpc/tls-door.ts';
import { TlsIdentity, type TlsMaterial } from '../../shared/rpc/tls-identity.ts';
import { MINUTE } from '../../shared/time.ts';
import type { ControllerSettings } from '../config/config.ts';
import { controllerId } from '../config/controller-id.ts';
import { type Candidate, decodeCandidate } from '../replication/candidate.ts';
import type { PeerTls } from '../replication/peer.ts';
import type { Store } from '../store/store.ts';
import type { AgentDenial } from './agent-denial.ts';
import { openClusterAuthority } from './cluster-authority.ts';
import { AuthoritySigner, type Signer } from './signer.ts';

export interface ControllerTlsOptions {
  readonly clusterId: string;
  /** Id of this controller. */
  readonly self: string;
  /** Hosts by which clients dial it, beside those that are always there. */
  readonly hosts: readonly string[];
  readonly dataDirectory: string;
  readonly caFile?: string | undefined;
  readonly caKeyFile?: string | undefined;
  readonly log: Logger;
}

/** Tells at most so many refusals a minute one by one: whoever reaches a listener can be refused as often as he likes. */
const TOLD_EACH_MINUTE = 20;

export class ControllerTls {
  readonly identity: TlsIdentity;
  readonly signer: Signer;
  readonly #options: ControllerTlsOptions;
  readonly #renewal: NodeJS.Timeout;
  #told = 0;
  #untold = 0;
  readonly #minute: NodeJS.Timeout;

  private constructor(options: ControllerTlsOptions, signer: Signer, first: TlsMaterial) {
    this.#options = options;
    this.signer = signer;
    this.identity = new TlsIdentity(first);
    this.#renewal = setInterval(() => void this.#renew(), CERTIFICATE_LIFE_MS / 3).unref();
    this.#minute = setInterval(() => this.#nextMinute(), MINUTE).unref();
  }

  /** Rejects with AuthorityError or ExposedFileError. */
  static async open(options: ControllerTlsOptions): Promise<ControllerTls> {
    const { clusterId, log } = options;
    const { authority, rootsPem, isNew } = await openClusterAuthority({ ...options, nowMs: Date.now() });
    if (authority === undefined)
      throw new AuthorityError('tls.ca_file needs tls.ca_key_file: a controller signs its own certificate');
    if (isNew) log.info({ folder: options.dataDirectory }, 'made the certificate authority of this cluster');
    const signer = new AuthoritySigner({ authority, clusterId, rootsPem, nowMs: () => Date.now() });
    return new ControllerTls(options, signer, await ownMaterial(options, signer));
  }

  /** Hash of the root that signs. */
  get authority(): string | undefined {
    return caHashesOf(this.signer.rootsPem)[0];
  }

  /** Of the agent listener: servers only. `denied` is told of whoever is refused for what he shows. */
  agents(denied: (denial: AgentDenial) => void): ListenerTls {
    return this.#listener(['server'], ({ peer, reason, certificate }) => {
      const server = /^server\/(.+)$/.exec(certificate)?.[1];
      // What is no TLS at all shows nothing.
      if (reason !== 'HANDSHAKE_FAILED')
        denied({ peer, reason, resource: server === undefined ? '' : `servers/${server}` });
    });
  }

  /** Of the API: people and programs, and the other controllers, which pass calls on. */
  get callers(): ListenerTls {
    return this.#listener(['user', 'controller']);
  }

  /** How this controller dials others. */
  get peers(): PeerTls {
    return { identity: this.identity, rule: () => ({ clusterId: this.#options.clusterId, kinds: ['controller'] }) };
  }

  #listener(kinds: readonly PeerKind[], note: (refused: TurnedAway) => void = () => undefined): ListenerTls {
    const rule = (): PeerRule => ({ clusterId: this.#options.clusterId, kinds });
    const refused = (turned: TurnedAway): void => {
      this.#refused(turned);
      note(turned);
    };
    return { identity: this.identity, rule, refused };
  }

  #refused({ peer, reason, message }: TurnedAway): void {
    this.#told += 1;
    if (this.#told <= TOLD_EACH_MINUTE) this.#options.log.warn({ peer, reason }, `connection refused: ${message}`);
    else this.#untold += 1;
  }

  close(): void {
    clearInterval(this.#renewal);
    clearInterval(this.#minute);
  }

  async #renew(): Promise<void> {
    try {
      this.identity.replace(await ownMaterial(this.#options, this.signer));
    } catch (error) {
      // Two more tries before it is over.
      this.#options.log.error(`the certificate of this controller was not renewed: ${messageOf(error)}`);
    }
  }

  #nextMinute(): void {
    if (this.#untold > 0) this.#options.log.warn({ count: this.#untold }, 'more connections were refused');
    this.#told = 0;
    this.#untold = 0;
  }
}

async function ownMaterial({ self, hosts }: ControllerTlsOptions, signer: Signer): Promise<TlsMaterial> {
  const { csrPem, keyPem } = await makeRequest();
  const names = [...new Set([...hosts, hostname(), 'localhost', '127.0.0.1', '::1'])];
  const { certPem, rootsPem } = await signer.sign(csrPem, { kind: 'controller', name: self }, { hosts: names });
  return { certPem, keyPem, rootsPem };
}

/** As the settings say; undefined: plaintext. Rejects with AuthorityError or ExposedFileError. */
export async function openControllerTls(
  options: ControllerSettings & { readonly log: Logger },
  clusterId: string,
  store: Pick<Store, 'members'>,
): Promise<ControllerTls | undefined> {
  const { tls, dataDirectory, log, apiAdvertise = '', agentAdvertise = '', apiListen, agentListen } = options;
  if (tls === undefined) return undefined;
  if (dataDirectory === undefined)
    throw new AuthorityError('TLS needs a data directory, for the authority of the cluster');
  const dialled = [apiAdvertise, agentAdvertise].map(parseListenAddress);
  const advertised = dialled.flatMap((parsed) => (parsed.kind === 'ok' ? [parsed.address] : []));
  const hosts = [apiListen, agentListen, ...advertised].map(({ host }) => host);
  const self = controllerId(options);
  const opened = await ControllerTls.open({ ...tls, clusterId, self, hosts, dataDirectory, log });
  try {
    const others = (await store.members()).map(({ candidate }) => decodeCandidate(candidate));
    refuseOtherAuthority(
      opened.signer.rootsPem,
      others.filter(({ id }) => id !== self),
    );
    return opened;
  } catch (error) {
    opened.close();
    throw error;
  }
}

/** Controllers that do not believe each other would each take agents of their own. @throws AuthorityError */
function refuseOtherAuthority(rootsPem: string, others: readonly Candidate[]): void {
  const own = caHashesOf(rootsPem);
  const other = others.find(({ authority }) => authority !== undefined && !own.includes(authority));
  if (other === undefined) return;
  throw new AuthorityError(
    `controller ${other.id} has another authority (${other.authority}) than this one (${own.join(', ')}): copy its ca.crt and ca.key to this host, and name them as tls.ca_file and tls.ca_key_file`,
  );
}
