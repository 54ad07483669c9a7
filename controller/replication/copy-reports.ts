/** Followers tell the leader how far their copies are, straight and not through the store, which may be what fails; the leader keeps account. */
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from '@connectrpc/connect';
import { certificateToProto } from '../../shared/codec/certificate.ts';
import { toUint64 } from '../../shared/codec/numbers.ts';
import { ClusterService } from '../../shared/gen/locum/v1/cluster_service_pb.ts';
import type { Logger } from '../../shared/log.ts';
import { cut } from '../../shared/printable.ts';
import type { RoleWatch } from '../leadership/role.ts';
import type { Controllers } from './controllers.ts';
import { type CopyReport, FollowerCopies, type FollowerCopy, LOOK_MS, REPORT_MS } from './follower-copies.ts';
import { headersOnward } from './forwarded-call.ts';
import type { LeaderView } from './leader-view.ts';
import { openPeer, type Peer, type PeerTls } from './peer.ts';
import type { WarmCopy } from './warm-copy.ts';

export interface CopyReportsOptions {
  /** Id of this controller. */
  readonly self: string;
  readonly role: RoleWatch;
  readonly view: Pick<LeaderView, 'storeProblem'>;
  readonly copy: Pick<WarmCopy, 'revision'>;
  readonly controllers: Pick<Controllers, 'present'>;
  /** Says to the leader that it is this controller. */
  readonly vouchForItself: (path: string) => Readonly<Record<string, string>>;
  readonly tls: PeerTls | undefined;
  readonly log: Logger;
}

const REPORT_PATH = `/${ClusterService.typeName}/${ClusterService.method.reportCopy.name}`;
const PROBLEM_CHARACTERS = 300;

export class CopyReports {
  readonly #options: CopyReportsOptions;
  #account: { readonly term: number; readonly copies: FollowerCopies } | undefined;
  #peer: Peer | undefined;

  constructor(options: CopyReportsOptions) {
    this.#options = options;
  }

  /** Looks as a leader and reports as a follower, until the signal aborts. */
  start(signal: AbortSignal): void {
    void this.#every(LOOK_MS, signal, () => this.#look());
    void this.#every(REPORT_MS, signal, () => this.#report(signal));
    signal.addEventListener('abort', () => this.#drop(), { once: true });
  }

  /** Of the leader: how far the others are. Empty while another one leads. */
  get followers(): readonly FollowerCopy[] {
    return this.#leading()?.copies.all ?? [];
  }

  /** What a follower says of itself; whoever does not lead takes no notice. */
  take(report: CopyReport): void {
    const leading = this.#leading();
    if (report.id === this.#options.self) return;
    leading?.copies.reported(report, leading.revision, performance.now());
  }

  #look(): void {
    const { controllers, self } = this.#options;
    const others = controllers.present.filter((id) => id !== self);
    const leading = this.#leading();
    leading?.copies.look(leading.revision, others, performance.now());
  }

  /** The account of this term, begun with it. */
  #leading(): { readonly copies: FollowerCopies; readonly revision: number | undefined } | undefined {
    const { now } = this.#options.role;
    if (now.kind !== 'LEADING') return undefined;
    const { term, committedRevision: revision } = now.leaderTerm;
    if (this.#account?.term !== term) this.#account = { term, copies: new FollowerCopies(performance.now()) };
    return { copies: this.#account.copies, revision };
  }

  async #report(signal: AbortSignal): Promise<void> {
    const { role, self, copy, view, vouchForItself, tls, log } = this.#options;
    const { now } = role;
    if (now.kind !== 'FOLLOWING') return this.#drop();
    const { api } = now.leader;
    if (this.#peer?.address !== api) this.#drop();
    this.#peer ??= openPeer(api, tls);
    const headers = headersOnward(new Headers(), { self, source: '', vouched: vouchForItself(REPORT_PATH) });
    const storeProblem = cut(view.storeProblem ?? '', PROBLEM_CHARACTERS);
    const report = {
      ...{ controller: `controllers/${self}`, revision: toUint64(copy.revision ?? 0), storeProblem },
      ...(tls === undefined ? {} : { certificate: shownCertificate(tls.identity) }),
    };
    try {
      await createClient(ClusterService, this.#peer.transport).reportCopy(report, {
        ...{ headers, signal, timeoutMs: REPORT_MS },
      });
    } catch (error) {
      // The leader tells that it hears nothing. A connection that hangs is not waited for.
      log.debug({ err: error }, 'the leader was not told how far this copy is');
      this.#drop();
    }
  }

  #drop(): void {
    this.#peer?.close();
    this.#peer = undefined;
  }

  async #every(ms: number, signal: AbortSignal, act: () => unknown): Promise<void> {
    while (!signal.aborted) {
      await sleep(ms, undefined, { signal, ref: false }).catch(() => {});
      if (!signal.aborted) await act();
    }
  }
}

/** Why it was not renewed is in the log here. */
const shownCertificate = ({ life }: PeerTls['identity']) =>
  certificateToProto({ notBeforeWall: life.notBeforeMs, notAfterWall: life.notAfterMs, renewalProblem: '' });
