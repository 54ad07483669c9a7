/** `locum audit export`: JSON lines on standard output, which `locum audit verify --file` reads. */
import { type Client, createClient } from '@connectrpc/connect';
import { resuming } from '../../sdk/typescript/resume.ts';
import { auditEntryFromProto, auditLine } from '../../shared/codec/audit.ts';
import { AuditService, type WatchAuditResponse } from '../../shared/gen/locum/v1/audit_service_pb.ts';
import { withTransport } from '../client/session.ts';
import type { Globals } from '../globals.ts';
import { printLine, warn } from '../output/print.ts';

export interface AuditExportOptions {
  readonly afterChanges: number;
  readonly afterAccess: number;
  readonly follow?: boolean;
}

interface Position {
  readonly afterChanges: bigint;
  readonly afterAccess: bigint;
}

export async function exportAudit(globals: Globals, options: AuditExportOptions): Promise<void> {
  const start = { afterChanges: BigInt(options.afterChanges), afterAccess: BigInt(options.afterAccess) };
  await withTransport(globals, async (transport) => {
    const client = createClient(AuditService, transport);
    let position: Position = start;
    const messages = options.follow === true ? following(client, start) : client.watchAudit(start);
    for await (const message of messages) {
      position = after(position, message);
      print(message, position);
    }
  });
}

/** Over any number of restarts and leaders. */
function following(client: Client<typeof AuditService>, start: Position): AsyncIterable<WatchAuditResponse> {
  let position = start;
  return resuming<WatchAuditResponse, Position>({
    start,
    open: (from) => client.watchAudit({ ...from, follow: true }),
    positionOf: (message) => {
      position = after(position, message);
      return position;
    },
  });
}

function after(position: Position, { entry }: WatchAuditResponse): Position {
  if (entry === undefined) return position;
  return entry.log === 'CHANGES'
    ? { ...position, afterChanges: entry.number }
    : { ...position, afterAccess: entry.number };
}

function print({ entry, heads }: WatchAuditResponse, { afterChanges, afterAccess }: Position): void {
  if (entry !== undefined) printLine(auditLine(auditEntryFromProto(entry)));
  for (const { log, droppedNumber } of heads) {
    const asked = log === 'CHANGES' ? afterChanges : afterAccess;
    if (asked > 0n && droppedNumber > asked) {
      warn(`of ${log}, numbers ${asked + 1n} to ${droppedNumber} are not kept any more: export more often`);
    }
  }
}
