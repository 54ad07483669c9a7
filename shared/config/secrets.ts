/**
 * What is shown of messages and configurations to whoever looks for a fault: everything but secrets. Fields say in the proto that they hold
 * some (`debug_redact`); texts lose what looks like one. Pure.
 */
import type { DescField, DescMessage, JsonObject, JsonValue } from '@bufbuild/protobuf';
import { isJsonObject } from './json-merge.ts';

export const HIDDEN = '(hidden)';

/** Names whose value nobody else should see: `DB_PASSWORD`, `--api-key`, `authorization`. */
const SECRET_NAME =
  '[\\w.-]*(?:passwo?r?d|passwd|passphrase|secret|token|api[_-]?key|private[_-]?key|access[_-]?key|credential|authorization)s?';
const VALUE = `(?:"[^"]*"|'[^']*'|[^\\s"',;&]+)`;

const RULES: ReadonlyArray<readonly [RegExp, string]> = [
  [/-----BEGIN ([A-Z ]*PRIVATE KEY)-----[\s\S]*?(?:-----END \1-----|$)/g, HIDDEN],
  [/\b(Bearer|Basic)\s+[\w.~+/=-]+/gi, `$1 ${HIDDEN}`],
  // A login in an address, with or without a password.
  [/:\/\/[^/@\s]*@/g, `://${HIDDEN}@`],
  [/\blocum_[a-z0-9]{1,32}_[\w-]{43}/g, HIDDEN],
  // A join token.
  [/\b[a-z2-7]{10}\.[a-z2-7]{32}\b/g, HIDDEN],
  [new RegExp(`(${SECRET_NAME}["']?\\s*[=:]\\s*)(?!\\(hidden\\))${VALUE}`, 'gi'), `$1${HIDDEN}`],
  [new RegExp(`(--?${SECRET_NAME}\\s+)(?![-(])${VALUE}`, 'gi'), `$1${HIDDEN}`],
];

/** The value comes as the next word of a command. */
const SECRET_FLAG = new RegExp(`^--?${SECRET_NAME}$`, 'i');
const NAMES_SECRET = new RegExp(`^${SECRET_NAME}$`, 'i');
/** These say where a secret is. */
const NAMES_PLACE = /_?(?:file|path|dir|directory|url)$/i;

/** A text without what looks like a secret in it. */
export const textWithoutSecrets = (text: string): string =>
  RULES.reduce((left, [pattern, shown]) => left.replace(pattern, shown), text);

/** Proto JSON of a message, with its fields by either of their names. */
export function jsonWithoutSecrets(schema: DescMessage, json: JsonValue): JsonValue {
  if (!isJsonObject(json)) return plainWithoutSecrets(json);
  const fields = new Map(
    schema.fields.flatMap((field) => [[field.name, field] as const, [field.jsonName, field] as const]),
  );
  return Object.fromEntries(
    Object.entries(json).map(([name, value]): [string, JsonValue] => {
      const field = fields.get(name);
      if (field === undefined) return [name, plainWithoutSecrets(value)];
      return [name, field.proto.options?.debugRedact === true ? hidden(value) : fieldWithoutSecrets(field, value)];
    }),
  );
}

function fieldWithoutSecrets(field: DescField, value: JsonValue): JsonValue {
  const { message, fieldKind } = field;
  if (message === undefined) return plainWithoutSecrets(value);
  const one = (each: JsonValue): JsonValue => jsonWithoutSecrets(message, each);
  if (fieldKind === 'list' && Array.isArray(value)) return value.map(one);
  if (fieldKind === 'map' && isJsonObject(value)) {
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, one(each)]));
  }
  return one(value);
}

/** How many there are, and what they are called, stays. */
function hidden(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(() => HIDDEN);
  if (isJsonObject(value)) return Object.fromEntries(Object.keys(value).map((key) => [key, HIDDEN]));
  return value === '' ? '' : HIDDEN;
}

function plainWithoutSecrets(value: JsonValue): JsonValue {
  if (typeof value === 'string') return textWithoutSecrets(value);
  if (Array.isArray(value)) {
    return value.map((each, i) => {
      const before = value[i - 1];
      return typeof before === 'string' && SECRET_FLAG.test(before) && typeof each === 'string'
        ? HIDDEN
        : plainWithoutSecrets(each);
    });
  }
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]): [string, JsonObject[string]] => [
      key,
      typeof each === 'string' && NAMES_SECRET.test(key) && !NAMES_PLACE.test(key) ? HIDDEN : plainWithoutSecrets(each),
    ]),
  );
}
