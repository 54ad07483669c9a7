/** The audit, for looking and for taking it elsewhere. It is written by the core; nothing here changes it. */
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { ServiceImpl } from '@connectrpc/connect';
import { AUDIT_LOGS, type AuditEntry } from '../../shared/access/audit-chain.ts';
import { auditEntryToProto, auditHeadToProto } from '../../shared/codec/audit.ts';
import { fromUint64 } from '../../shared/codec/numbers.ts';
import { AuditEntrySchema } from '../../shared/gen/locum/v1/audit_pb.ts';
import {
  type AuditService,
  type ListAuditEntriesRequest,
  RecordAccessRequestSchema,
  type WatchAuditResponseSchema,
} from '../../shared/gen/locum/v1/audit_service_pb.ts';
import { fromTimestamp } from '../../shared/rpc/time-messages.ts';
import { factsOf } from '../access/access-codec.ts';
import { type AuditReading, readAudit } from '../audit/audit-reader.ts';
import type { Call } from '../core/cluster/event.ts';
import { type ApiContext, submit } from './api-context.ts';
import { type Paging, pageOf } from './page.ts';
import { throwIfEnded } from './watch-resources.ts';

export function auditService(api: ApiContext): ServiceImpl<typeof AuditService> {
  return {
    async listAuditEntries(request) {
      const wanted = filterOf(request);
      const logs = AUDIT_LOGS.filter((log) => request.log === '' || request.log === log);
      return api.leaderTerm().read((state) => {
        const found = logs.flatMap((log) => state.audit[log].values().filter(wanted));
        const { shown, nextPageToken } = pageOf(found.sort(newestFirst), request, {
          question: ['ListAuditEntries', ...Object.values(questionOf(request))],
          cursorOf: ({ lastWall, log, number }) => JSON.stringify([lastWall, log, number]),
          indexAfter: indexAfterEntry,
          schema: AuditEntrySchema,
          show: auditEntryToProto,
        });
        return { entries: shown, nextPageToken };
      });
    },

    async recordAccess(message, context) {
      const facts = message.notes.map((note, index) => factsOf(note, `notes[${index}]`));
      const request: Call = { kind: 'record_access', facts };
      await submit(api, { schema: RecordAccessRequestSchema, message, context }, request, 'noted');
      return {};
    },

    watchAudit({ afterChanges, afterAccess, follow }, { signal }) {
      const after = {
        CHANGES: fromUint64(afterChanges, 'after_changes'),
        ACCESS: fromUint64(afterAccess, 'after_access'),
      };
      return api.streams.counted(watchAudit(api, { after, follow, signal }));
    },
  };
}

const questionOf = ({ since, principal, method, outcome, log }: ListAuditEntriesRequest) => ({
  ...{ since: since === undefined ? '' : fromTimestamp(since), principal, method, outcome, log },
});

function filterOf({ since, principal, method, outcome }: ListAuditEntriesRequest): (entry: AuditEntry) => boolean {
  const sinceWall = since === undefined ? Number.NEGATIVE_INFINITY : fromTimestamp(since);
  return (entry) =>
    entry.lastWall >= sinceWall &&
    (principal === '' || entry.principal === principal) &&
    (method === '' || isMethod(entry.method, method)) &&
    (outcome === '' || entry.outcome === outcome);
}

/** By its full name, or by what people call it. */
const isMethod = (full: string, asked: string): boolean =>
  full === asked || full.endsWith(`/${asked}`) || full.endsWith(`.${asked}`);

type Place = Pick<AuditEntry, 'lastWall' | 'log' | 'number'>;

/** Both logs in one order, in which no two entries are equal. */
function newestFirst(a: Place, b: Place): number {
  if (a.lastWall !== b.lastWall) return b.lastWall - a.lastWall;
  if (a.log !== b.log) return a.log < b.log ? -1 : 1;
  return b.number - a.number;
}

const indexAfterEntry: Paging<AuditEntry, typeof AuditEntrySchema>['indexAfter'] = (entries, cursor) => {
  const place = placeOf(cursor);
  if (place === undefined) return undefined;
  const index = entries.findIndex((entry) => newestFirst(entry, place) > 0);
  return index < 0 ? entries.length : index;
};

function placeOf(cursor: string): Place | undefined {
  const [, lastWall, log, number] = /^\[(-?\d+),"(\w+)",(\d+)\]$/.exec(cursor) ?? [];
  const known = AUDIT_LOGS.find((one) => one === log);
  return known && { lastWall: Number(lastWall), log: known, number: Number(number) };
}

type Response = MessageInitShape<typeof WatchAuditResponseSchema>;

async function* watchAudit(
  api: ApiContext,
  reading: Pick<AuditReading, 'after' | 'follow' | 'signal'>,
): AsyncGenerator<Response> {
  for await (const news of readAudit(api.leaderTerm(), { ...reading, bookmarkMs: api.bookmarkMs })) {
    yield news.kind === 'entry'
      ? { entry: auditEntryToProto(news.entry) }
      : { heads: news.heads.map(auditHeadToProto) };
  }
  throwIfEnded(reading.signal);
}
