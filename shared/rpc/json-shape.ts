/**
 * Walks a plain value beside a message's descriptor. It collects what does not fit, each with its path, and gives back proto JSON
 * that `fromJson` takes: short enum names (`ONLY`) and spans such as `5m` are translated on the way.
 */
import {
  type DescEnum,
  type DescField,
  type DescMessage,
  fromJson,
  type JsonObject,
  type JsonValue,
  ScalarType,
  toJson,
} from '@bufbuild/protobuf';
import { DurationSchema, durationFromMs } from '@bufbuild/protobuf/wkt';
import { parseDuration } from '../duration.ts';
import { isObject } from '../is-object.ts';
import { nearest } from './nearest-name.ts';

/** Keys and indices from the top of the document. */
export type JsonPath = ReadonlyArray<string | number>;

export interface Problem {
  readonly path: JsonPath;
  readonly description: string;
  /** Offset in the text, where it is known better than by the path. */
  readonly offset?: number;
}

/** Deeper than any message of ours; a file can not make the walk overflow the stack. */
const MAX_DEPTH = 64;

/** What a person wrote, cut to a length that fits a message. */
function shown(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (isObject(value)) return 'a mapping';
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

/** Proto JSON of a message, or undefined when something does not fit; then `problems` has grown. */
export function messageJson(
  schema: DescMessage,
  value: unknown,
  path: JsonPath,
  problems: Problem[],
): JsonValue | undefined {
  if (path.length > MAX_DEPTH) return complain(problems, path, `more than ${MAX_DEPTH} levels deep`);
  if (schema.typeName.startsWith('google.protobuf.')) return wellKnownJson(schema, value, path, problems);
  if (!isObject(value))
    return complain(problems, path, `must be a mapping with the fields of ${schema.name}, not ${shown(value)}`);
  const before = problems.length;
  const json: JsonObject = {};
  const seen = new Map<string, string>();
  for (const [key, inner] of Object.entries(value)) {
    const place = [...path, key];
    const field = schema.fields.find(({ name, jsonName }) => name === key || jsonName === key);
    if (field === undefined) {
      complain(problems, place, unknownKey(schema, key));
      continue;
    }
    // A oneof, too, takes one of its fields only.
    const slot = field.oneof === undefined ? field.name : `${schema.typeName} ${field.oneof.name}`;
    const other = seen.get(slot);
    if (other !== undefined) complain(problems, place, `can't stand beside "${other}": only one of them may be set`);
    if (inner === null) continue;
    seen.set(slot, key);
    const fieldValue = fieldJson(field, inner, place, problems);
    if (fieldValue !== undefined) json[field.jsonName] = fieldValue;
  }
  return problems.length > before ? undefined : json;
}

function complain(problems: Problem[], path: JsonPath, description: string): undefined {
  problems.push({ path, description });
  return undefined;
}

function unknownKey(schema: DescMessage, key: string): string {
  const names = schema.fields.map(({ name }) => name);
  const close = nearest(key, names);
  const advice = close === undefined ? `known fields: ${names.join(', ')}` : `did you mean "${close}"?`;
  return `${schema.name} has no such field; ${advice}`;
}

function fieldJson(field: DescField, value: unknown, path: JsonPath, problems: Problem[]): JsonValue | undefined {
  switch (field.fieldKind) {
    case 'message':
      return messageJson(field.message, value, path, problems);
    case 'enum':
      return enumJson(field.enum, value, path, problems);
    case 'scalar':
      return scalarJson(field.scalar, value, path, problems);
    case 'list':
      return listJson(field, value, path, problems);
    case 'map':
      return mapJson(field, value, path, problems);
  }
}

function elementJson(
  field: DescField & { fieldKind: 'list' | 'map' },
  value: unknown,
  path: JsonPath,
  problems: Problem[],
): JsonValue | undefined {
  if (value === null) return complain(problems, path, 'must not be empty');
  const kind = field.fieldKind === 'list' ? field.listKind : field.mapKind;
  if (kind === 'message' && field.message !== undefined) return messageJson(field.message, value, path, problems);
  if (kind === 'enum' && field.enum !== undefined) return enumJson(field.enum, value, path, problems);
  return scalarJson(field.scalar ?? ScalarType.STRING, value, path, problems);
}

function listJson(
  field: DescField & { fieldKind: 'list' },
  value: unknown,
  path: JsonPath,
  problems: Problem[],
): JsonValue | undefined {
  if (!Array.isArray(value)) return complain(problems, path, `must be a list, not ${shown(value)}`);
  return value.flatMap((inner: unknown, i) => {
    const json = elementJson(field, inner, [...path, i], problems);
    return json === undefined ? [] : [json];
  });
}

function mapJson(
  field: DescField & { fieldKind: 'map' },
  value: unknown,
  path: JsonPath,
  problems: Problem[],
): JsonValue | undefined {
  if (!isObject(value)) return complain(problems, path, `must be a mapping, not ${shown(value)}`);
  const entries = Object.entries(value).map(([key, inner]) => [
    key,
    elementJson(field, inner, [...path, key], problems),
  ]);
  return Object.fromEntries(entries.filter(([, json]) => json !== undefined));
}

/** `LIST_MODE_ONLY`, or `ONLY` without what all names of the enum begin with. */
function enumJson(desc: DescEnum, value: unknown, path: JsonPath, problems: Problem[]): JsonValue | undefined {
  const prefix = desc.sharedPrefix?.toUpperCase() ?? '';
  const short = (name: string): string => (name.startsWith(prefix) ? name.slice(prefix.length) : name);
  const found = desc.values.find(({ name }) => name === value || short(name) === value);
  if (found !== undefined) return found.name;
  // The first value means "not set"; it is not advertised.
  const names = desc.values.filter(({ number }) => number !== 0).map(({ name }) => short(name));
  const close = typeof value === 'string' ? nearest(value, names) : undefined;
  const advice = close === undefined ? '' : `; did you mean "${close}"?`;
  return complain(problems, path, `must be one of ${names.join(', ')}, not ${shown(value)}${advice}`);
}

function scalarJson(scalar: ScalarType, value: unknown, path: JsonPath, problems: Problem[]): JsonValue | undefined {
  if (scalar === ScalarType.STRING) {
    if (typeof value === 'string') return value;
    return complain(problems, path, `must be a text, not ${shown(value)}; put it in quotes`);
  }
  if (scalar === ScalarType.BOOL) {
    if (typeof value === 'boolean') return value;
    return complain(problems, path, `must be true or false, not ${shown(value)}`);
  }
  if (scalar === ScalarType.BYTES) {
    if (typeof value === 'string' && /^[A-Za-z0-9+/_-]*={0,2}$/.test(value)) return value;
    return complain(problems, path, `must be bytes in base64, not ${shown(value)}`);
  }
  if (scalar === ScalarType.DOUBLE || scalar === ScalarType.FLOAT) {
    if (typeof value === 'number' && Number.isFinite(value)) return value;
    return complain(problems, path, `must be a number, not ${shown(value)}`);
  }
  return integerJson(scalar, value, path, problems);
}

const UNSIGNED = new Set([ScalarType.UINT32, ScalarType.UINT64, ScalarType.FIXED32, ScalarType.FIXED64]);
const WIDE = new Set([ScalarType.INT64, ScalarType.UINT64, ScalarType.SINT64, ScalarType.FIXED64, ScalarType.SFIXED64]);

function integerJson(scalar: ScalarType, value: unknown, path: JsonPath, problems: Problem[]): JsonValue | undefined {
  const [wide, unsigned] = [WIDE.has(scalar), UNSIGNED.has(scalar)];
  // Whole numbers in JavaScript end at 2^53 - 1; no field of ours needs more.
  const high = wide ? Number.MAX_SAFE_INTEGER : unsigned ? 0xffff_ffff : 0x7fff_ffff;
  const low = unsigned ? 0 : wide ? Number.MIN_SAFE_INTEGER : -0x8000_0000;
  // Proto JSON writes wide numbers as texts, and what we print can be applied again.
  const number = wide && typeof value === 'string' && /^-?\d{1,16}$/.test(value) ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isInteger(number)) {
    return complain(problems, path, `must be a whole number, not ${shown(value)}`);
  }
  if (number < low || number > high) return complain(problems, path, `must be from ${low} to ${high}, not ${number}`);
  return number;
}

/** Durations, timestamps, field masks: texts with rules of their own, which `fromJson` knows. */
function wellKnownJson(
  schema: DescMessage,
  value: unknown,
  path: JsonPath,
  problems: Problem[],
): JsonValue | undefined {
  const text = schema.typeName === DurationSchema.typeName ? spanText(value) : value;
  try {
    if (typeof text === 'string') return toJson(schema, fromJson(schema, text));
  } catch {
    // The text does not fit; told below.
  }
  const wanted = WELL_KNOWN[schema.typeName] ?? `a ${schema.name}`;
  return complain(problems, path, `must be ${wanted}, not ${shown(value)}`);
}

const WELL_KNOWN: Readonly<Record<string, string>> = {
  'google.protobuf.Duration': 'a time span such as 10s, 5m or 1h30m',
  'google.protobuf.Timestamp': 'a time such as 2026-01-31T12:00:00Z',
  'google.protobuf.FieldMask': 'names of fields, separated by commas',
};

function spanText(value: unknown): unknown {
  const ms = typeof value === 'string' ? parseDuration(value) : undefined;
  return ms === undefined ? value : toJson(DurationSchema, durationFromMs(ms));
}
