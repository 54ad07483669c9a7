/** What a controller shows to agents, whom it lets in, and what it signs: real judgements over certificates of the world. */
import { AccessNotes, type Noted } from '../../../controller/access/access-notes.ts';
import { type AgentDenial, notedDenial } from '../../../controller/access/agent-denial.ts';
import { isOwnDue } from '../../../controller/access/own-renewal.ts';
import { judgeRenewal, type Renewable } from '../../../controller/access/renewal-judge.ts';
import { SigningTurns } from '../../../controller/access/signing-turns.ts';
import type { ClusterState } from '../../../controller/core/cluster/cluster.ts';
import type { AdminCall } from '../../../controller/core/cluster/event.ts';
import type { AuthorityRecord } from '../../../controller/core/records/authority.ts';
import { type AcceptedPeer, judgePeer, type PeerVerdict } from '../../../shared/access/peer-judge.ts';
import { LocumError } from '../../../shared/errors.ts';
import { DAY, type Now } from '../../../shared/time.ts';
import type { AgentEnd } from '../agent-conn.ts';
import { type Credentials, type SimCertificate, type SimPki, shownTo } from './pki.ts';
import type { Recorder } from './recorder.ts';

/** Roots as a controller knows them. */
export interface KnownRoots {
  readonly trusted: readonly string[];
  readonly signing: string;
  /** Of the certificate that agents are shown. */
  readonly shown: string;
}

export interface DoorOptions {
  readonly pki: SimPki;
  readonly clusterId: string;
  /** Of the controller. */
  readonly self: string;
  readonly clock: () => Now;
  readonly serverLifeMs: number;
  /** As its files have it. */
  readonly firstRoot: string;
  /** As it has seen it last. Undefined: it was never changed, or it can't be read just now. */
  readonly record: () => AuthorityRecord | undefined;
}

/** As a leader judges, and confirms that it is one. */
export interface Judging {
  readonly state: ClusterState;
  /** Whether the store, asked after this call, says that it leads. May never be answered. */
  confirm(): PromiseLike<boolean>;
}

const OWN_LIFE_MS = DAY;

const onlyRoot = (hash: string): KnownRoots => ({ trusted: [hash], signing: hash, shown: hash });

/** Agents that were away know the old root only: it is shown to them as long as it is trusted (controller/access/own-certificate.ts). */
function rootsOf({ phase, roots }: AuthorityRecord): KnownRoots {
  const [{ hash: signing }] = roots;
  const shown = phase === 'RENEWING' ? (roots.at(-1)?.hash ?? signing) : signing;
  return { trusted: roots.map(({ hash }) => hash), signing, shown };
}

export type Renewed =
  | { readonly kind: 'SIGNED'; readonly credentials: Credentials }
  | { readonly kind: 'REFUSED'; readonly error: LocumError };

export class Door {
  recorder: Recorder | undefined;
  /** The key of the root that signs is here. */
  signs = true;
  roots: KnownRoots;
  notes = new AccessNotes();
  /** Refusals so far, in all lives of the process. */
  noted = 0;
  readonly #options: DoorOptions;
  #turns: SigningTurns;
  #own: { readonly certificate: SimCertificate; readonly sinceMono: number } | undefined;

  constructor(options: DoorOptions) {
    this.#options = options;
    this.#turns = this.#newTurns();
    this.roots = onlyRoot(options.firstRoot);
  }

  /** The process starts: its keys, and what it knew of those who came too often, were in memory only. */
  begin(): void {
    this.#own = undefined;
    this.#turns = this.#newTurns();
    this.recorder?.forget();
    this.notes = new AccessNotes();
    this.roots = onlyRoot(this.#options.firstRoot);
    this.follow();
  }

  /** Trusts, shows and signs with what the record says. */
  follow(): void {
    const record = this.#options.record();
    if (record !== undefined) this.roots = rootsOf(record);
  }

  #newTurns(): SigningTurns {
    return new SigningTurns(() => this.#options.clock().mono);
  }

  /** The certificate that agents are shown. */
  get shown(): SimCertificate {
    const { pki, clusterId, self, clock } = this.#options;
    const { wall, mono } = clock();
    const { shown: issuer } = this.roots;
    const known = this.#own;
    const isGood =
      known?.certificate.issuer === issuer &&
      !isOwnDue(known.certificate, { nowWall: wall, takenAgoMs: mono - known.sinceMono });
    if (known !== undefined && isGood) return known.certificate;
    const identity = { clusterId, kind: 'controller', name: self } as const;
    const certificate = pki.sign({ identity, issuer, nowWall: wall, lifeMs: OWN_LIFE_MS });
    this.#own = { certificate, sinceMono: mono };
    return certificate;
  }

  /** Whether the holder gets in, who calls from there. Undefined: it shows nothing. */
  judge(certificate: SimCertificate | undefined, from: string): PeerVerdict {
    const { clusterId, clock } = this.#options;
    const shown = certificate && shownTo(this.roots.trusted, certificate);
    const verdict = judgePeer(shown, { clusterId, kinds: ['server'] }, clock().wall);
    if (verdict.kind === 'refused') {
      const resource = certificate === undefined ? '' : `servers/${certificate.identity.name}`;
      this.#note({ peer: `${from}:1`, reason: verdict.reason, resource });
    }
    return verdict;
  }

  /** A stream is ended for what its agent said, or for who it is. */
  ended({ host, peer }: Pick<AgentEnd, 'host' | 'peer'>, { code, reason, resource = '' }: LocumError): void {
    if (code === 'PERMISSION_DENIED')
      this.#note({ peer: `${host.name}:1`, reason, resource, holder: peer?.identity.name });
  }

  /** A call was refused, for its caller may not (controller/access/access-audit.ts is what ships). */
  denied({ actor: principal, origin, requestId }: Pick<AdminCall, 'actor' | 'origin' | 'requestId'>): void {
    this.#keep({ principal, ...origin, resource: '', requestId, outcome: 'PERMISSION_DENIED' });
  }

  #note(denial: AgentDenial): void {
    this.#keep(notedDenial(denial));
  }

  #keep(noted: Noted): void {
    this.noted += 1;
    this.notes.note('DENIAL', noted, this.#options.clock().wall);
  }

  /** In the order of `controller/access/renewal.ts`: judge, wait for a turn, ask the store, sign what was judged with the date of the judging. */
  renew(judging: Judging | undefined, peer: AcceptedPeer, answered: (renewed: Renewed) => void): void {
    const refuse = (error: LocumError): void => answered({ kind: 'REFUSED', error });
    try {
      if (judging === undefined) throw new LocumError('NOT_LEADER', 'another leads', { retryAfterMs: 500 });
      const { wall } = this.#options.clock();
      const renewable = judgeRenewal(judging.state, peer);
      if (!this.signs) throw new LocumError('NO_AUTHORITY', 'its key is not here', { retryAfterMs: 60_000 });
      this.#turns.take(renewable.holder.name);
      judging.confirm().then(
        (isLeader) => {
          if (!isLeader) refuse(new LocumError('NOT_LEADER', 'another leads', { retryAfterMs: 500 }));
          else answered({ kind: 'SIGNED', credentials: this.sign(renewable, wall) });
        },
        () => refuse(new LocumError('STORE_UNAVAILABLE', 'the store does not answer', { retryAfterMs: 1_000 })),
      );
    } catch (error) {
      if (!(error instanceof LocumError)) throw error;
      refuse(error);
    }
  }

  sign({ holder, validFromMs }: Renewable, judgedWall: number): Credentials {
    const { pki, clusterId, serverLifeMs: lifeMs } = this.#options;
    const { trusted, signing: issuer } = this.roots;
    const identity = { ...holder, clusterId };
    const certificate = pki.sign({ identity, issuer, nowWall: judgedWall, lifeMs, validFromWall: validFromMs });
    return { certificate, trusts: trusted };
  }
}
