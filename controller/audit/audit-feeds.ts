/** The sinks of a controller, each with its feed: read from its own term while it leads, else from whoever does. */
import { join } from 'node:path';
import { createClient } from '@connectrpc/connect';
import { AUDIT_LOGS, type AuditEntry, type AuditHead } from '../../shared/access/audit-chain.ts';
import { auditEntryFromProto, auditHeadFromProto } from '../../shared/codec/audit.ts';
import { toUint64 } from '../../shared/codec/numbers.ts';
import { count } from '../../shared/count.ts';
import { AuditService } from '../../shared/gen/locum/v1/audit_service_pb.ts';
import type { Logger } from '../../shared/log.ts';
import type { AuditSettings } from '../config/config.ts';
import type { Deviation } from '../core/views.ts';
import type { Clock } from '../engine/clock.ts';
import { Feed, type SinkStatus } from '../feeds/feed.ts';
import type { LeaderTerm } from '../leadership/leader-term.ts';
import { headersOnward } from '../replication/forwarded-call.ts';
import type { LeaderView } from '../replication/leader-view.ts';
import { openPeer, type PeerTls } from '../replication/peer.ts';
import { AUDIT_START, type AuditNews, type AuditPosition } from './audit-position.ts';
import { readAudit } from './audit-reader.ts';
import type { AuditSink } from './audit-sink.ts';
import { AuditSource } from './audit-source.ts';
import { FileSink } from './file-sink.ts';
import { PositionFile, positionInMemory } from './position-file.ts';
import { SyslogSink } from './syslog-sink.ts';

export interface AuditFeedsOptions {
  /** Default: no sinks. */
  readonly settings: AuditSettings | undefined;
  /** Where it is kept how far syslog has come. Undefined: nowhere. */
  readonly dataDirectory: string | undefined;
  readonly clusterId: string;
  /** Id of this controller. */
  readonly self: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** The term of this controller; undefined: it does not lead. */
  readonly leaderTerm: () => LeaderTerm | undefined;
  readonly view: Pick<LeaderView, 'leader'>;
  /** Says to the leader that it is this controller. */
  readonly vouchForItself: (path: string) => Readonly<Record<string, string>>;
  /** Default: the leader is asked in plaintext. */
  readonly tls?: PeerTls | undefined;
  readonly signal: AbortSignal;
}

const BOOKMARK_MS = 5_000;
/** A sink that takes nothing for so long is told of. */
const STUCK_MS = 10_000;

export class AuditFeeds {
  readonly #options: AuditFeedsOptions;
  readonly #feeds: readonly Feed<AuditEntry, AuditPosition>[];

  constructor(options: AuditFeedsOptions) {
    this.#options = options;
    const { clock, log } = options;
    this.#feeds = sinksOf(options).map(
      (sink) =>
        new Feed({
          ...{ sink, log, what: 'the audit', start: AUDIT_START },
          mono: () => clock().mono,
          source: new AuditSource({
            ...{ name: sink.name, log },
            heads: () => this.#heads(),
            open: (after, signal) => this.#open(sink, after, signal),
          }),
        }),
    );
  }

  get statuses(): readonly SinkStatus[] {
    return this.#feeds.map(({ status }) => status);
  }

  /** What `locum status` says of sinks that take nothing. */
  get deviations(): readonly Deviation[] {
    return this.statuses
      .filter(({ behind, stuckMs, problem }) => behind > 0 && (problem !== undefined || stuckMs > STUCK_MS))
      .map(({ name, behind, stuckMs, problem }) => ({
        resource: `controllers/${this.#options.self}`,
        reason: 'AUDIT_BEHIND',
        message: `${count(behind, 'entry', 'entries')} of the audit wait for ${name}: ${problem ?? 'it does not answer'}`,
        sinceWall: this.#options.clock().wall - stuckMs,
        etaWall: undefined,
        command: 'locum audit list',
      }));
  }

  start(): void {
    for (const feed of this.#feeds) void feed.run(this.#options.signal);
  }

  #heads(): readonly AuditHead[] | undefined {
    const own = this.#options.leaderTerm();
    return own && AUDIT_LOGS.map((log) => own.state.audit[log].headRecord);
  }

  #open(sink: AuditSink, after: AuditPosition, signal: AbortSignal): AsyncIterable<AuditNews> | undefined {
    const { leaderTerm, view, self } = this.#options;
    const own = leaderTerm();
    if (own !== undefined) return readAudit(own, { after, follow: true, bookmarkMs: BOOKMARK_MS, signal });
    const { leader } = view;
    if (!sink.everywhere || leader === undefined || leader.id === self) return undefined;
    return readThere(leader.api, this.#options, after, signal);
  }
}

function sinksOf({ settings, dataDirectory, clusterId }: AuditFeedsOptions): readonly AuditSink[] {
  const sinks: AuditSink[] = [];
  if (settings?.file !== undefined) sinks.push(new FileSink(settings.file, clusterId));
  if (settings?.syslog !== undefined) {
    const position =
      dataDirectory === undefined
        ? positionInMemory()
        : new PositionFile(join(dataDirectory, 'audit-syslog.position'), clusterId);
    sinks.push(new SyslogSink(settings.syslog, position));
  }
  return sinks;
}

async function* readThere(
  address: string,
  { self, tls, vouchForItself }: AuditFeedsOptions,
  { CHANGES: changes, ACCESS: access }: AuditPosition,
  signal: AbortSignal,
): AsyncGenerator<AuditNews> {
  const peer = openPeer(address, tls);
  try {
    const client = createClient(AuditService, peer.transport);
    const request = { afterChanges: toUint64(changes), afterAccess: toUint64(access), follow: true };
    const vouched = vouchForItself(`/${AuditService.typeName}/${AuditService.method.watchAudit.name}`);
    const headers = headersOnward(new Headers(), { self, source: '', vouched });
    for await (const { entry, heads } of client.watchAudit(request, { headers, signal })) {
      if (entry !== undefined) yield { kind: 'entry', entry: auditEntryFromProto(entry) };
      else yield { kind: 'heads', heads: heads.map(auditHeadFromProto) };
    }
  } finally {
    peer.close();
  }
}
