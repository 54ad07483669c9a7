/** An entry as a message of syslog (RFC 5424), and how messages are told apart on a stream (RFC 6587, 3.4.1). Pure. */
import type { AuditEntry } from '../../shared/access/audit-chain.ts';
import { auditLine } from '../../shared/codec/audit.ts';
import { printable } from '../../shared/printable.ts';

/** Who sends. */
export interface SyslogSender {
  readonly host: string;
  readonly pid: number;
}

/** Facility "log audit" of RFC 5424, table 1. */
const AUDIT_FACILITY = 13;
const WARNING = 4;
const NOTICE = 5;
/** Of the example enterprise of RFC 5612: Locum has no number of its own. */
const STRUCTURED = 'locum@32473';

/** The message is the line of an export, in ASCII, so that a receiver's log can be verified as one. */
export function syslogMessage(entry: AuditEntry, { host, pid }: SyslogSender): string {
  const { log, number, kind, principal, method, resource, outcome, lastWall } = entry;
  const severity = kind === 'CHANGE' || kind === 'READ' ? NOTICE : WARNING;
  const facts = { entry: `audit/${log.toLowerCase()}/${number}`, principal, method, resource, outcome };
  const structured = Object.entries(facts).map(([name, value]) => ` ${name}="${escaped(value)}"`);
  return [
    `<${AUDIT_FACILITY * 8 + severity}>1`,
    new Date(lastWall).toISOString(),
    headerWord(host),
    'locum',
    String(pid),
    headerWord(kind),
    `[${STRUCTURED}${structured.join('')}]`,
    ascii(auditLine(entry)),
  ].join(' ');
}

/** With its length in front: a line may have anything in it. */
export function framed(message: string): string {
  return `${Buffer.byteLength(message)} ${message}`;
}

const headerWord = (word: string): string => word.replaceAll(/[^\x21-\x7e]/g, '').slice(0, 255) || '-';

const escaped = (value: string): string => printable(value).replaceAll(/["\\\]]/g, (character) => `\\${character}`);

const ascii = (json: string): string =>
  json.replaceAll(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
