/** Hooks as the configuration has them, checked. */
import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { messageOf } from '../../shared/caught-error.ts';
import { badField } from '../../shared/errors.ts';
import type {
  HookCommand as PbCommand,
  Hook as PbHook,
  HookFilter as PbHookFilter,
  Webhook as PbWebhook,
} from '../../shared/gen/locum/config/v1/controller_config_pb.ts';
import { nearest } from '../../shared/rpc/nearest-name.ts';
import { fromDuration } from '../../shared/rpc/time-messages.ts';
import { aboutOf } from '../api/event-reader.ts';
import { SEVERITIES } from '../core/records/event-severity.ts';
import { EVENT_TYPES, type EventType, eventTypeOf } from '../core/records/event-type.ts';
import { refusalOf } from './allowed-address.ts';
import type { CommandTarget, HookFilter, HookSettings, WebhookTarget } from './hook.ts';
import { readSecrets } from './webhook-signature.ts';

const TIMEOUT_MS = 10_000;

/** @throws LocumError INVALID_FIELD that names the field */
export function hookSettings(hooks: readonly PbHook[]): readonly HookSettings[] {
  const names = new Set<string>();
  return hooks.map(({ name, target, only }, index) => {
    const field = `hooks[${index}]`;
    if (names.has(name)) throw wrong(`${field}.name`, `there are two hooks ${name}: each needs a name of its own`);
    names.add(name);
    return { name, target: targetOf(target, field), only: filterOf(only, `${field}.only`) };
  });
}

function targetOf(target: PbHook['target'], field: string): HookSettings['target'] {
  switch (target.case) {
    case 'webhook':
      return webhookOf(target.value, `${field}.webhook`);
    case 'command':
      return commandOf(target.value, `${field}.command`);
    case undefined:
      throw wrong(field, 'say how it is told: webhook, or command');
  }
}

function webhookOf(webhook: PbWebhook, field: string): WebhookTarget {
  const { secretFile, caFile, timeout, allowLoopback } = webhook;
  const url = urlOf(webhook, `${field}.url`);
  const secret = resolve(secretFile);
  try {
    readSecrets(secret);
  } catch (error) {
    throw wrong(`${field}.secret_file`, messageOf(error));
  }
  return {
    ...{ kind: 'WEBHOOK', url, secretFile: secret, allowLoopback },
    caFile: caFile === '' ? undefined : resolve(caFile),
    timeoutMs: fromDuration(timeout) ?? TIMEOUT_MS,
  };
}

/** The path may be a secret: it is in no message. */
function urlOf({ url: text, plaintext, allowLoopback }: PbWebhook, field: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    throw wrong(field, 'must be an address that begins with https://');
  }
  if (url.protocol === 'http:' && !plaintext) {
    throw wrong(field, 'http:// shows events to whoever is on the way: use https://, or set plaintext');
  }
  if (url.username !== '' || url.password !== '') {
    throw wrong(field, 'must have no user and no password in it: notifications are signed (secret_file)');
  }
  const host = url.hostname.replaceAll(/^\[|\]$/g, '');
  const refusal = isIP(host) === 0 ? undefined : refusalOf(host, { allowLoopback });
  if (refusal !== undefined) throw wrong(field, refusal);
  return url;
}

function commandOf({ argv, timeout }: PbCommand, field: string): CommandTarget {
  if (!argv[0]?.startsWith('/')) {
    throw wrong(`${field}.argv[0]`, 'must be the absolute path of a program; no shell looks for it');
  }
  if (argv.some((word) => word.includes('\0'))) throw wrong(`${field}.argv`, 'must have no NUL in it');
  return { kind: 'COMMAND', argv: [...argv], timeoutMs: fromDuration(timeout) ?? TIMEOUT_MS };
}

function filterOf(only: PbHookFilter | undefined, field: string): HookFilter {
  const { types = [], minSeverity = '', about = [] } = only ?? {};
  for (const name of about) if (!isNameOfResource(name)) throw notAbout(name, field);
  return {
    types: types.map((word) => typeOf(word, `${field}.types`)),
    minSeverity: SEVERITIES.find((severity) => severity === minSeverity),
    about: [...about],
  };
}

function isNameOfResource(name: string): boolean {
  try {
    aboutOf(name);
    return name !== '';
  } catch {
    return false;
  }
}

const notAbout = (name: string, field: string) =>
  wrong(`${field}.about`, `${JSON.stringify(name)} is not the name of a server, policy, run or pool, as servers/web-1`);

function typeOf(word: string, field: string): EventType {
  const type = eventTypeOf(word);
  if (type !== undefined) return type;
  const near = nearest(word, Object.keys(EVENT_TYPES));
  const meant = near === undefined ? 'docs/events.md has all types' : `did you mean ${near}?`;
  throw wrong(field, `there are no events ${JSON.stringify(word)}; ${meant}`);
}

const wrong = (field: string, description: string) => badField('INVALID_FIELD', field, description);
