/** What this controller notes for the audit, and how it comes to whoever leads: itself, or another one by its API. */
import { createClient } from '@connectrpc/connect';
import { LocumError } from '../../shared/errors.ts';
import { AuditService } from '../../shared/gen/locum/v1/audit_service_pb.ts';
import type { Logger } from '../../shared/log.ts';
import { fromConnectError } from '../../shared/rpc/status-details.ts';
import { notLeader } from '../api/api-context.ts';
import type { Clock } from '../engine/clock.ts';
import type { LeaderTerm } from '../leadership/leader-term.ts';
import { headersOnward } from '../replication/forwarded-call.ts';
import type { LeaderView } from '../replication/leader-view.ts';
import { openPeer, type PeerTls } from '../replication/peer.ts';
import { noteToProto } from './access-codec.ts';
import { AccessNotes } from './access-notes.ts';
import { type AccessBatch, AccessRecorder } from './access-recorder.ts';

export interface AccessRecordingOptions {
  /** Id of this controller. */
  readonly self: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** The term of this controller; undefined: it does not lead. */
  readonly leaderTerm: () => Pick<LeaderTerm, 'call'> | undefined;
  readonly view: Pick<LeaderView, 'leader'>;
  /** Says to the leader that it is this controller. */
  readonly vouchForItself: (path: string) => Readonly<Record<string, string>>;
  /** Default: the leader is told in plaintext. */
  readonly tls?: PeerTls | undefined;
}

const TIMEOUT_MS = 5_000;

export class AccessRecording {
  readonly notes = new AccessNotes();
  readonly #options: AccessRecordingOptions;
  readonly #recorder: AccessRecorder;

  constructor(options: AccessRecordingOptions) {
    this.#options = options;
    const { clock, log } = options;
    this.#recorder = new AccessRecorder({ notes: this.notes, clock, log, record: (batch) => this.#record(batch) });
  }

  start(): void {
    this.#recorder.start();
  }

  close(patienceMs: number): Promise<void> {
    return this.#recorder.close(patienceMs);
  }

  async #record(batch: AccessBatch): Promise<void> {
    try {
      const leaderTerm = this.#options.leaderTerm();
      await (leaderTerm === undefined ? this.#recordThere(batch) : this.#recordHere(leaderTerm, batch));
    } catch (error) {
      const answer = error instanceof LocumError ? error : fromConnectError(error);
      // It is known there already, by another way that it came before; nobody else has this id.
      if (answer?.reason !== 'REQUEST_ID_REUSED') throw error;
    }
  }

  async #recordHere(leaderTerm: Pick<LeaderTerm, 'call'>, { requestId, facts }: AccessBatch): Promise<void> {
    await leaderTerm.call({
      actor: `controller:${this.#options.self}`,
      origin: { method: '', source: '' },
      requestId,
      fingerprint: requestId,
      validateOnly: false,
      request: { kind: 'record_access', facts },
    });
  }

  /** Once in a few seconds at most, so the connection is not kept. */
  async #recordThere({ requestId, facts }: AccessBatch): Promise<void> {
    const { view, self, vouchForItself } = this.#options;
    const { leader } = view;
    if (leader === undefined || leader.id === self) throw notLeader();
    const peer = openPeer(leader.api, this.#options.tls);
    try {
      const vouched = vouchForItself(`/${AuditService.typeName}/${AuditService.method.recordAccess.name}`);
      const headers = headersOnward(new Headers(), { self, source: '', vouched });
      const client = createClient(AuditService, peer.transport);
      await client.recordAccess({ requestId, notes: facts.map(noteToProto) }, { headers, timeoutMs: TIMEOUT_MS });
    } finally {
      peer.close();
    }
  }
}
