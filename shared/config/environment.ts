/**
 * Configuration from environment variables: `LOCUM_CONTROLLER_AUDIT_FILE` is the field `audit.file`. Names are made from the fields, so
 * every field has one. A variable with our prefix that is no field is a mistake, and is refused.
 */
import { type DescField, type DescMessage, type JsonObject, type JsonValue, ScalarType } from '@bufbuild/protobuf';
import { parse } from 'yaml';
import { messageOf } from '../caught-error.ts';
import { type FieldViolation, invalidFields } from '../errors.ts';
import { messageJson, type Problem } from '../rpc/json-shape.ts';
import { nearest } from '../rpc/nearest-name.ts';
import { isJsonObject, mergedJson } from './json-merge.ts';

/** A field as files have it, `audit.file`, and the variable that sets it. */
export interface Setting {
  readonly path: string;
  readonly field: DescField;
  readonly variable: string;
}

/** All fields of a configuration, with those of the messages in it. `prefix`: `LOCUM_CONTROLLER_`. */
export function settingsOf(schema: DescMessage, prefix: string, above = ''): readonly Setting[] {
  return schema.fields.flatMap((field) => {
    const path = `${above}${field.name}`;
    const own = { path, field, variable: `${prefix}${path.replaceAll('.', '_').toUpperCase()}` };
    const inner = innerOf(field);
    return inner === undefined ? [own] : [own, ...settingsOf(inner, prefix, `${path}.`)];
  });
}

/** The message of a field that is one of ours and stands once. */
export function innerOf({ fieldKind, message }: DescField): DescMessage | undefined {
  return fieldKind === 'message' && message?.typeName.startsWith('locum.') === true ? message : undefined;
}

export interface FromEnvironment {
  /** As a file would say it, in the names of the protos. */
  readonly json: JsonObject;
  /** Which variable set a field. */
  readonly variables: ReadonlyMap<string, string>;
}

/** @throws LocumError INVALID_FIELD that names the variables */
export function configFromEnvironment(schema: DescMessage, prefix: string, env: NodeJS.ProcessEnv): FromEnvironment {
  const settings = new Map(settingsOf(schema, prefix).map((setting) => [setting.variable, setting]));
  const violations: FieldViolation[] = [];
  const variables = new Map<string, string>();
  let json: JsonObject = {};
  for (const [variable, text = ''] of Object.entries(env).sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (!variable.startsWith(prefix) || isOfKubernetes(variable, prefix)) continue;
    const setting = settings.get(variable);
    if (setting === undefined) {
      const close = nearest(variable, [...settings.keys()]);
      const meant = close === undefined ? '' : `: did you mean ${close}?`;
      violations.push({
        field: '',
        description: `the environment variable ${variable} is no field of the configuration${meant}`,
      });
      continue;
    }
    const problems: Problem[] = [];
    const value = readValue(setting.field, text, problems);
    const part = problems.length > 0 ? undefined : messageJson(schema, nested(setting.path, value), [], problems);
    for (const { description } of problems)
      violations.push({ field: setting.path, description: `${variable}: ${description}` });
    if (!isJsonObject(part)) continue;
    json = mergedJson(json, protoNames(schema, part));
    variables.set(setting.path, variable);
  }
  if (violations.length > 0) throw invalidFields(violations);
  return { json, variables };
}

/** Kubernetes gives each pod the addresses of services: of one called `locum-controller` they begin like ours. */
const isOfKubernetes = (variable: string, prefix: string): boolean =>
  /^(?:SERVICE_(?:HOST|PORT)|PORT)(?:_|$)/.test(variable.slice(prefix.length));

/** The reader's JSON has the names of JSON; layers are merged in those of the protos. */
function protoNames(schema: DescMessage, json: JsonObject): JsonObject {
  const entries = Object.entries(json).map(([key, value]): [string, JsonValue] => {
    const field = schema.fields.find(({ name, jsonName }) => key === jsonName || key === name);
    const inner = field === undefined ? undefined : innerOf(field);
    return [field?.name ?? key, inner !== undefined && isJsonObject(value) ? protoNames(inner, value) : value];
  });
  return Object.fromEntries(entries);
}

const nested = (path: string, value: unknown): unknown =>
  path.split('.').reduceRight((inner, name) => ({ [name]: inner }), value);

/** A text is the value itself; lists are `a,b` and facts `a=b,c=d`; everything may be written as in a file (`[a, b]`, `{ a: b }`). */
function readValue(field: DescField, text: string, problems: Problem[]): unknown {
  if (field.fieldKind === 'scalar' && field.scalar === ScalarType.STRING) return text;
  if (field.fieldKind === 'enum') return text.toUpperCase();
  if (field.fieldKind === 'list' && field.listKind === 'scalar' && !text.startsWith('[')) return partsOf(text);
  if (field.fieldKind === 'map' && !text.startsWith('{')) {
    return Object.fromEntries(partsOf(text).map((part) => [part.split('=', 1)[0] ?? '', part.replace(/^[^=]*=?/, '')]));
  }
  try {
    const value: unknown = parse(text, { maxAliasCount: 0 });
    // `LOCUM_CONTROLLER_TLS=true`: a message that says something by being there.
    return innerOf(field) !== undefined && value === true ? {} : value;
  } catch (error) {
    problems.push({ path: [], description: messageOf(error) });
    return undefined;
  }
}

const partsOf = (text: string): string[] =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
