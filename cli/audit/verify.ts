/** `locum audit verify`: every hash is computed here, not where the entries come from. */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { fromJsonString } from '@bufbuild/protobuf';
import { createClient } from '@connectrpc/connect';
import type { AuditEntry, AuditHead } from '../../shared/access/audit-chain.ts';
import { AuditVerifier, type VerifiedLog } from '../../shared/access/audit-verifier.ts';
import { messageOf } from '../../shared/caught-error.ts';
import { auditEntryFromProto, auditHeadFromProto } from '../../shared/codec/audit.ts';
import { count } from '../../shared/count.ts';
import { AuditEntrySchema } from '../../shared/gen/locum/v1/audit_pb.ts';
import { AuditService } from '../../shared/gen/locum/v1/audit_service_pb.ts';
import { withTransport } from '../client/session.ts';
import { CommandFailure } from '../exit-codes.ts';
import type { Globals } from '../globals.ts';
import { printLine } from '../output/print.ts';

export interface VerifyOptions {
  readonly file?: string;
  readonly live?: boolean;
}

export async function verify(globals: Globals, { file, live = false }: VerifyOptions): Promise<void> {
  if (live && file === undefined) throw new CommandFailure('--live goes with --file: without one, it is live anyway');
  const verifier = file === undefined ? await verifyLive(globals) : await verifyFile(file);
  if (live) await compareLive(globals, verifier);
  for (const log of verifier.logs) printLine(summaryOf(log));
  printLine(file === undefined || live ? 'The chains are whole, up to their newest entries.' : 'The chains are whole.');
}

async function verifyFile(file: string): Promise<AuditVerifier> {
  const verifier = new AuditVerifier();
  const input = file === '-' ? process.stdin : createReadStream(file);
  let number = 0;
  try {
    for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
      number += 1;
      throwIfWrong(verifier.add(entryOf(line, number)), `line ${number}: `);
    }
  } catch (error) {
    if (error instanceof CommandFailure) throw error;
    throw new CommandFailure(file === '-' ? messageOf(error) : `${file}: ${messageOf(error)}`);
  }
  return verifier;
}

function entryOf(line: string, number: number): AuditEntry {
  try {
    return auditEntryFromProto(fromJsonString(AuditEntrySchema, line));
  } catch (error) {
    throw new CommandFailure(`line ${number} is no entry of an export: ${messageOf(error)}`);
  }
}

async function verifyLive(globals: Globals): Promise<AuditVerifier> {
  let verifier: AuditVerifier | undefined;
  await readLive(globals, {
    begin: (heads) => {
      verifier ??= new AuditVerifier(heads);
    },
    entry: (entry) => verifier?.add(entry),
    end: (heads) => verifier?.end(heads),
  });
  return verifier ?? new AuditVerifier();
}

async function compareLive(globals: Globals, verifier: AuditVerifier): Promise<void> {
  await readLive(globals, {
    begin: (heads) => throwIfWrong(heads.map((head) => gapBefore(verifier, head)).find((gap) => gap !== undefined)),
    entry: (entry) => verifier.compare(entry),
    end: (heads) => verifier.end(heads),
  });
}

/** What the file does not have and the controllers do not have any more. */
function gapBefore(verifier: AuditVerifier, { log, dropped }: AuditHead): string | undefined {
  const last = verifier.logs.find((one) => one.log === log)?.last?.number ?? 0;
  if (dropped.number <= last) return undefined;
  return `the file ends with number ${last} of ${log}, and the controllers dropped all up to ${dropped.number}: nothing proves what was between`;
}

interface LiveReader {
  begin(heads: readonly AuditHead[]): void;
  /** What is wrong with it; undefined: nothing. */
  entry(entry: AuditEntry): string | undefined;
  end(heads: readonly AuditHead[]): string | undefined;
}

async function readLive(globals: Globals, reader: LiveReader): Promise<void> {
  await withTransport(globals, async (transport) => {
    let last: readonly AuditHead[] | undefined;
    for await (const { entry, heads } of createClient(AuditService, transport).watchAudit({})) {
      if (entry !== undefined) throwIfWrong(reader.entry(auditEntryFromProto(entry)));
      if (heads.length === 0) continue;
      const known = heads.map(auditHeadFromProto);
      if (last === undefined) reader.begin(known);
      last = known;
    }
    throwIfWrong(reader.end(last ?? []));
  });
}

function throwIfWrong(fault: string | undefined, where = ''): void {
  if (fault !== undefined) throw new CommandFailure(`the audit is not what was written: ${where}${fault}`);
}

function summaryOf({ log, count: entries, first, last, undone }: VerifiedLog): string {
  const name = log.toLowerCase();
  if (first === undefined || last === undefined) return `${name}: no entries`;
  const gone = undone.map(({ from, to }) => `; ${from} to ${to} were undone by a restore`).join('');
  return `${name}: ${count(entries, 'entry', 'entries')}, ${first} to ${last.number}, ends with ${last.hash}${gone}`;
}
