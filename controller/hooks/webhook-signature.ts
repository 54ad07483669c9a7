/**
 * Signs a notification as Standard Webhooks 1.0 has it: HMAC-SHA256 over `{id}.{timestamp}.{body}`, so that neither can be changed and an
 * old one can't be sent again as a new one.
 * Source: https://www.standardwebhooks.com.
 */
import { createHmac } from 'node:crypto';
import { readPrivateFile } from '../../shared/pki/private-file.ts';

const PREFIX = 'whsec_';
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;
/** As the specification has it. */
const KEY_BYTES = { min: 24, max: 64 } as const;
const SECRETS = 4;

/** What proves that a notification is ours. */
export type SigningKeys = readonly Buffer[];

/** One secret in a line. @throws Error it is none, or others can read the file; the message has nothing of a secret */
export function readSecrets(path: string): SigningKeys {
  const lines = readPrivateFile(path)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  if (lines.length === 0) throw new Error(`${path} has no secret in it: write one, as docs/notifications.md shows`);
  if (lines.length > SECRETS) throw new Error(`${path} has more than ${SECRETS} secrets in it`);
  return lines.map((line, index) => keyOf(line, `line ${index + 1} of ${path}`));
}

function keyOf(line: string, where: string): Buffer {
  const text = line.startsWith(PREFIX) ? line.slice(PREFIX.length) : '';
  const key = BASE64.test(text) ? Buffer.from(text, 'base64') : Buffer.alloc(0);
  if (key.length < KEY_BYTES.min || key.length > KEY_BYTES.max) {
    const form = `${PREFIX} and ${KEY_BYTES.min} to ${KEY_BYTES.max} bytes in base64`;
    throw new Error(`${where} is no secret: it must be ${form}`);
  }
  return key;
}

export interface Signed {
  readonly 'webhook-id': string;
  /** Seconds since 1970. */
  readonly 'webhook-timestamp': string;
  /** One for each key, with a space between. */
  readonly 'webhook-signature': string;
}

export function signed(id: string, wallMs: number, body: string, keys: SigningKeys): Signed {
  const timestamp = String(Math.floor(wallMs / 1000));
  const signatures = keys.map(
    (key) => `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`,
  );
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures.join(' ') };
}
