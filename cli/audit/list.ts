/** `locum audit list`: oldest first, as a log is read. */
import { create } from '@bufbuild/protobuf';
import { createClient } from '@connectrpc/connect';
import { PAGE_SIZE, readPages } from '../../sdk/typescript/pages.ts';
import type { AuditEntry } from '../../shared/gen/locum/v1/audit_pb.ts';
import { AuditService, ListAuditEntriesResponseSchema } from '../../shared/gen/locum/v1/audit_service_pb.ts';
import { toTimestamp } from '../../shared/rpc/time-messages.ts';
import { withTransport } from '../client/session.ts';
import type { Globals } from '../globals.ts';
import { printAnswer } from '../output/print.ts';
import { type Column, cell, Table } from '../output/table.ts';
import { moment } from '../output/words.ts';

export interface AuditListOptions {
  /** Wall-clock milliseconds. */
  readonly since?: number;
  readonly principal?: string;
  readonly method?: string;
  readonly outcome?: string;
  readonly log?: string;
  readonly limit: number;
}

const columns: readonly Column<AuditEntry>[] = [
  { head: 'TIME', cell: ({ lastTime }) => moment(lastTime) },
  { head: 'ENTRY', wide: true, cell: ({ name }) => name },
  { head: 'KIND', cell: ({ kind }) => cell(kind, kind === 'DENIAL' ? 'bad' : undefined) },
  { head: 'PRINCIPAL', cell: ({ principal }) => principal },
  { head: 'METHOD', cell: ({ method }) => method.slice(method.lastIndexOf('.') + 1) },
  { head: 'RESOURCE', cell: ({ resource }) => resource },
  { head: 'OUTCOME', cell: ({ outcome }) => outcome },
  { head: 'COUNT', right: true, cell: ({ count }) => (count === 1n ? '' : count.toString()) },
  { head: 'REQUEST', wide: true, cell: ({ requestId }) => requestId },
  { head: 'FROM', cell: ({ source }) => source },
];

export async function list(globals: Globals, options: AuditListOptions): Promise<void> {
  const { since, principal = '', method = '', outcome = '', log = '', limit } = options;
  const filter = { principal, method, outcome, log, ...(since === undefined ? {} : { since: toTimestamp(since) }) };
  await withTransport(globals, async (transport) => {
    const client = createClient(AuditService, transport);
    const pages = await readPages(
      (pageToken) =>
        client.listAuditEntries({ ...filter, pageSize: Math.min(PAGE_SIZE, Math.max(1, limit)), pageToken }),
      { items: limit, size: (page) => page.entries.length },
    );
    const newest = pages.flatMap((page) => page.entries);
    const entries = newest.slice(0, limit);
    const oldestFirst = entries.toReversed();
    const nextPageToken = entries.length === newest.length ? (pages.at(-1)?.nextPageToken ?? '') : '';
    // JSON keeps the order of the response: newest first.
    const answer = create(ListAuditEntriesResponseSchema, { entries, nextPageToken });
    await printAnswer(globals, ListAuditEntriesResponseSchema, answer, {
      table: (look) => (entries.length === 0 ? 'No entries.' : new Table(columns, look).render(oldestFirst)),
      names: () => oldestFirst.map(({ name }) => name),
    });
  });
}
