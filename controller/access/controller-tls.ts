/**
 * What a controller needs for TLS: the authority of its cluster, certificates of its own that it signs at each start and anew while it runs,
 * and whom each of its connections takes.
 */
import type { PeerKind } from '../../shared/access/identity.ts';
import type { PeerRule } from '../../shared/access/peer-judge.ts';
import { messageOf } from '../../shared/caught-error.ts';
import { parseListenAddress } from '../../shared/listen-address.ts';
import type { Logger } from '../../shared/log.ts';
import { LogAllowance } from '../../shared/log-allowance.ts';
import { AuthorityError } from '../../shared/pki/authority.ts';
import { readCertificate } from '../../shared/pki/read-certificate.ts';
import { caHashesOf, issuerHashOf } from '../../shared/pki/roots.ts';
import { networkOfPeer } from '../../shared/rpc/caller-address.ts';
import type { ListenerTls } from '../../shared/rpc/single-port-listener.ts';
import { TURNED_AWAY_REASONS, type TurnedAway } from '../../shared/rpc/tls-door.ts';
import { PeerRefusedError, TlsIdentity, type TlsMaterial } from '../../shared/rpc/tls-identity.ts';
import { TrustedPeers } from '../../shared/rpc/trusted-peers.ts';
import type { ControllerSettings } from '../config/config.ts';
import { controllerId } from '../config/controller-id.ts';
import type { AuthorityRecord, ControllerCertificate } from '../core/records/authority.ts';
import { type Candidate, decodeCandidate } from '../replication/candidate.ts';
import type { PeerTls } from '../replication/peer.ts';
import type { AgentDenial } from './agent-denial.ts';
import { AuthorityHolder, type HolderOptions } from './authority-holder.ts';
import {
  firstMaterial,
  keepOwn,
  type OwnCertificateOptions,
  type OwnMaterial,
  signedMaterial,
} from './own-certificate.ts';
import { isOwnDue, lookEveryMs } from './own-renewal.ts';
import type { ShownCertificate } from './shown-certificate.ts';
import { DEFAULT_LIVES } from './signer.ts';
import { type AuthorityStore, storedAuthority } from './stored-authority.ts';

export interface ControllerTlsOptions extends OwnCertificateOptions, HolderOptions {
  readonly log: Logger;
}

export class ControllerTls {
  /** Of the API, and with which other controllers are dialled. */
  readonly identity: TlsIdentity;
  readonly authority: AuthorityHolder;
  readonly #options: ControllerTlsOptions;
  /** Of the agents' listener. While a new root signs, it is of the old one: an agent that was away knows no other. */
  readonly #agentIdentity: TlsIdentity;
  /** Controllers that this one dialled. */
  readonly #dialled: TrustedPeers;
  readonly #renewal: NodeJS.Timeout;
  /** One after the other: a certificate that was begun for an older record must not take the place of a newer one. */
  #changing: Promise<void> = Promise.resolve();
  #problem = '';
  #issuer: { readonly of: TlsMaterial; readonly hash: string | undefined } | undefined;
  /** When the certificate was taken into use, monotonic. */
  #takenMs = performance.now();
  /** Whoever reaches a listener can be refused as often as he likes. */
  readonly #refusalLines = new LogAllowance();
  /** Connections that were closed at the door of a listener, by why. */
  readonly refusals = new Map<TurnedAway['reason'], number>(TURNED_AWAY_REASONS.map((reason) => [reason, 0]));

  private constructor(options: ControllerTlsOptions, authority: AuthorityHolder, [own, forAgents]: OwnMaterial) {
    this.#options = options;
    this.authority = authority;
    this.identity = new TlsIdentity(own);
    this.#agentIdentity = new TlsIdentity(forAgents);
    this.#dialled = new TrustedPeers(this.identity);
    const { controllerMs } = options.lives ?? DEFAULT_LIVES;
    this.#renewal = setInterval(() => void this.#inTurn(() => this.#look()), lookEveryMs(controllerMs)).unref();
  }

  /** `stored` undefined: the authority is as the files have it. Rejects with AuthorityError, WrappingKeyError or ExposedFileError. */
  static async open(options: ControllerTlsOptions, stored?: AuthorityRecord): Promise<ControllerTls> {
    const authority = await AuthorityHolder.open(options, stored);
    return new ControllerTls(options, authority, await firstMaterial(options, authority));
  }

  /** Hash of the root that signed the certificate of this controller. */
  get issuer(): string | undefined {
    const { material } = this.identity;
    // It is asked for once a second, and takes half a millisecond.
    if (this.#issuer?.of !== material)
      this.#issuer = { of: material, hash: issuerHashOf(material.certPem, material.rootsPem) };
    return this.#issuer.hash;
  }

  /** What this controller says of itself to the others. */
  get word(): ControllerCertificate {
    return { id: this.#options.self, ...this.authority.word, issuer: this.issuer };
  }

  /** Follows the record of the authority: other roots count at once, and a certificate of another root takes the place of its own. */
  adopt(record: AuthorityRecord): Promise<void> {
    return this.#inTurn(() => this.#follow(record));
  }

  #inTurn(change: () => Promise<void>): Promise<void> {
    this.#changing = this.#changing.catch(() => undefined).then(change);
    return this.#changing;
  }

  async #follow(record: AuthorityRecord): Promise<void> {
    const followed = await this.authority.adopt(record);
    if (!followed && !(await this.authority.lookForKeys())) return;
    await this.#renew();
  }

  /** The certificate of this controller, and that of the authority that signs. */
  get certificates(): readonly ShownCertificate[] {
    const { identity, authority } = this;
    const renewalProblem = this.#problem;
    return [
      { of: 'controller', resource: `controllers/${this.#options.self}`, ...wallLife(identity.life), renewalProblem },
      { of: 'authority', resource: 'cluster', ...wallLife(readCertificate(authority.rootsPem)), renewalProblem: '' },
    ];
  }

  /** Of the agent listener: servers only. `denied` is told of whoever is refused for what he shows. */
  agents(denied: (denial: AgentDenial) => void): ListenerTls {
    return this.#listener(this.#agentIdentity, ['server'], ({ peer, reason, certificate }) => {
      const server = /^server\/(.+)$/.exec(certificate)?.[1];
      // What is no TLS at all shows nothing, and what is refused before it neither.
      if (reason !== 'HANDSHAKE_FAILED' && reason !== 'TOO_MANY_HANDSHAKES')
        denied({ peer, reason, resource: server === undefined ? '' : `servers/${server}` });
    });
  }

  /** Of the API: people and programs, and the other controllers, which pass calls on. */
  get callers(): ListenerTls {
    return this.#listener(this.identity, ['user', 'controller']);
  }

  /** How this controller dials others. */
  get peers(): PeerTls {
    const rule = (): PeerRule => ({ clusterId: this.#options.clusterId, kinds: ['controller'] });
    return { identity: this.identity, rule, dialled: this.#dialled };
  }

  /** Ends connections with controllers for whose certificate none of the roots stands any more. */
  endFallenPeers(): void {
    for (const socket of this.#dialled.fallen())
      socket.destroy(new PeerRefusedError('UNKNOWN_AUTHORITY', 'the authority of that controller is trusted no more'));
  }

  #listener(
    identity: TlsIdentity,
    kinds: readonly PeerKind[],
    note: (refused: TurnedAway) => void = () => undefined,
  ): ListenerTls {
    const rule = (): PeerRule => ({ clusterId: this.#options.clusterId, kinds });
    const refused = (turned: TurnedAway): void => {
      this.#refused(turned);
      note(turned);
    };
    return { identity, rule, refused };
  }

  #refused({ peer, reason, message }: TurnedAway): void {
    this.refusals.set(reason, (this.refusals.get(reason) ?? 0) + 1);
    const allowed = this.#refusalLines.take(`${networkOfPeer(peer)} ${reason}`, performance.now());
    if (allowed === undefined) return;
    const more = allowed.unsaid === 0 ? {} : { unsaid: allowed.unsaid };
    this.#options.log.warn({ peer, reason, ...more }, `connection refused: ${message}`);
  }

  close(): void {
    clearInterval(this.#renewal);
  }

  async #look(): Promise<void> {
    const times = { nowWall: Date.now(), takenAgoMs: performance.now() - this.#takenMs };
    if (isOwnDue(wallLife(this.identity.life), times)) await this.#renew();
  }

  /** What can't be signed anew still trusts what is to be trusted. */
  async #renew(): Promise<void> {
    try {
      const [own, forAgents] = await signedMaterial(this.#options, this.authority);
      this.identity.replace(own);
      this.#agentIdentity.replace(forAgents);
      this.#takenMs = performance.now();
      if (this.#options.wrappingKeyFile !== undefined) await keepOwn(this.#options, own);
      this.#problem = '';
    } catch (error) {
      const { rootsPem } = this.authority;
      for (const identity of [this.identity, this.#agentIdentity]) identity.replace({ ...identity.material, rootsPem });
      const problem = messageOf(error);
      // It is tried again in a moment, and for two thirds of its life.
      if (problem !== this.#problem)
        this.#options.log.error(`the certificate of this controller was not renewed: ${problem}`);
      this.#problem = problem;
    }
  }
}

const wallLife = ({ notBeforeMs, notAfterMs }: TlsIdentity['life']) => ({
  notBeforeWall: notBeforeMs,
  notAfterWall: notAfterMs,
});

/** As the settings say; undefined: plaintext. Rejects with AuthorityError or ExposedFileError. */
export async function openControllerTls(
  options: ControllerSettings & { readonly log: Logger },
  clusterId: string,
  store: AuthorityStore,
): Promise<ControllerTls | undefined> {
  const { tls, dataDirectory, log, apiAdvertise = '', agentAdvertise = '', apiListen, agentListen } = options;
  if (tls === undefined) return undefined;
  if (dataDirectory === undefined)
    throw new AuthorityError('TLS needs a data directory, for the authority of the cluster');
  const dialled = [apiAdvertise, agentAdvertise].map(parseListenAddress);
  const advertised = dialled.flatMap((parsed) => (parsed.kind === 'ok' ? [parsed.address] : []));
  const hosts = [apiListen, agentListen, ...advertised].map(({ host }) => host);
  const self = controllerId(options);
  const stored = await storedAuthority(store, { ...tls, clusterId, dataDirectory });
  const opened = await ControllerTls.open({ ...tls, clusterId, self, hosts, dataDirectory, log }, stored);
  // Whoever shares the store goes by the same record.
  if (stored !== undefined) return opened;
  try {
    const others = (await store.members()).map(({ candidate }) => decodeCandidate(candidate));
    refuseOtherAuthority(
      opened.authority.rootsPem,
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
    { reason: 'OTHER_AUTHORITY' },
  );
}
