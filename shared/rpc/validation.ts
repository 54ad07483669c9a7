/** The rules that stand in the protos, checked in one place for requests, configuration files and applied files. */
import { create, type DescMessage, getOption, type MessageShape } from '@bufbuild/protobuf';
import { isReflectMessage, pathToString, type ReflectMessage, reflect } from '@bufbuild/protobuf/reflect';
import { createValidator, type Violation } from '@bufbuild/protovalidate';
import { FieldRulesSchema, field as fieldRules } from '@bufbuild/protovalidate/gen/buf/validate/validate_pb.js';
import type { Interceptor } from '@connectrpc/connect';
import { type FieldViolation, invalidFields } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import { cut, printable } from '../printable.ts';
import { boundsViolations } from './message-bounds.ts';
import { isOutsideMask, maskViolations, updateMaskOf } from './update-mask.ts';

const patterns = new Map<string, RegExp>();

/**
 * Patterns come from our own protos, and a test keeps them without anything that could backtrack. The validator's own engine, for patterns
 * of strangers, took 95 ms for the 10,000 names of a SetServerOrder; this takes 3.
 */
function regexMatch(pattern: string, text: string): boolean {
  let compiled = patterns.get(pattern);
  if (compiled === undefined) {
    compiled = new RegExp(pattern, 'u');
    patterns.set(pattern, compiled);
  }
  return compiled.test(text);
}

const validator = createValidator({ regexMatch });

/** The pattern of resource names in our protos; a person is better served by words. */
const NAME_PATTERN = /^\^\(?(?<collection>\w+)\/\[a-z\]\(\[a-z0-9-\]\{0,61\}\[a-z0-9\]\)\?(?:\)\?)?\$$/;

/** The pattern that was broken, from the rules of the field; undefined: it was another rule. */
function brokenPattern({ field: path, rule }: Violation): string | undefined {
  const field = path.findLast((part) => part.kind === 'field');
  if (field?.kind !== 'field') return undefined;
  let at: ReflectMessage = reflect(FieldRulesSchema, getOption(field, fieldRules));
  for (const part of rule) {
    if (part.kind !== 'field') return undefined;
    const value: unknown = at.get(part);
    if (isReflectMessage(value)) at = value;
    else return part.name === 'pattern' && typeof value === 'string' ? value : undefined;
  }
  return undefined;
}

const ID = 'lower case letters, digits and inner hyphens, a letter first, at most 63 characters';
/** Of other patterns, those that people break. */
export const PATTERNS_IN_WORDS: Readonly<Record<string, string>> = {
  '^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$': `must be an id: ${ID}`,
  '^([a-z]([a-z0-9-]{0,61}[a-z0-9])?)?$': `must be an id: ${ID}`,
  '^runs/[a-z][a-z0-9-]{0,79}$': 'must be "runs/" and a name: lower case letters, digits and hyphens, a letter first',
  '^users/[A-Za-z0-9._@+-]{1,128}$':
    'must be "users/" and a name: letters, digits and any of "._@+-", at most 128 characters',
  '^[A-Za-z_][A-Za-z0-9_]{0,127}$': 'must be a name of a variable: letters, digits and "_", no digit first',
  '^([a-z_][a-z0-9_-]{0,31})?$':
    'must be a user of the host: lower case letters, digits, "_" and "-", at most 32 characters',
  '^[a-z]{1,32}\\.[a-z-]{1,64}$': 'must be a permission, such as policies.read; docs/access.md has them all',
};

function inWords(violation: Violation): string {
  const pattern = brokenPattern(violation) ?? '';
  const collection = NAME_PATTERN.exec(pattern)?.groups?.['collection'];
  if (collection !== undefined) return `must be "${collection}/" and an id: ${ID}`;
  return PATTERNS_IN_WORDS[pattern] ?? violation.message;
}

function fieldViolation(violation: Violation): FieldViolation {
  const description = inWords(violation);
  return { field: pathToString(violation.field), description: violation.forKey ? `key: ${description}` : description };
}

/** All violations of an answer together; its headers have no room for more. */
const VIOLATIONS_LIMIT_CHARACTERS = 4_000;

/** Keeps the first ones, for a request can break a rule in each of 10,000 names, and says how many there were. */
export function boundViolations(violations: readonly FieldViolation[]): FieldViolation[] {
  const kept: FieldViolation[] = [];
  let room = VIOLATIONS_LIMIT_CHARACTERS;
  for (const { field, description } of violations) {
    const one = { field: printable(cut(field, 200)), description: printable(cut(description, 400)) };
    room -= one.field.length + one.description.length;
    if (room < 0) break;
    kept.push(one);
  }
  if (kept.length === violations.length && kept.length <= LIMITS.violations) return kept;
  const shown = kept.slice(0, LIMITS.violations - 1);
  return [...shown, { field: '', description: `and ${violations.length - shown.length} more` }];
}

/**
 * Checks a message. Of an Update request with a mask, only the fields in it are checked: the handler checks the whole resource
 * again once the change is merged into it.
 * @throws LocumError INVALID_FIELD that names the first fields and their rules.
 */
export function validate<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): void {
  // First of all: what follows looks at every element of every list.
  const unbounded = boundsViolations(schema, message);
  if (unbounded.length > 0) throw invalidFields(boundViolations(unbounded));
  const result = validator.validate(schema, message);
  // A rule that can't be compiled or run is a defect of ours, not of the message.
  if (result.kind === 'error') throw result.error;
  const mask = updateMaskOf(schema, message);
  const broken = result.violations?.filter(({ field }) => !isOutsideMask(mask, field)) ?? [];
  const violations = [...(mask === undefined ? [] : maskViolations(mask)), ...broken.map(fieldViolation)];
  if (violations.length > 0) throw invalidFields(boundViolations(violations));
}

/** Checks every message that comes in, also each one of a stream. */
export function validationInterceptor(): Interceptor {
  return (next) => (request) => {
    const schema = request.method.input;
    if (!request.stream) {
      validate(schema, request.message);
      return next(request);
    }
    return next({ ...request, message: validated(schema, request.message) });
  };
}

async function* validated<Desc extends DescMessage>(
  schema: Desc,
  messages: AsyncIterable<MessageShape<Desc>>,
): AsyncGenerator<MessageShape<Desc>> {
  for await (const message of messages) {
    validate(schema, message);
    yield message;
  }
}

/** Compiles the rules of these messages now; the first use of a process costs 100 ms, better at its start than in a request. */
export function warmValidation(schemas: readonly DescMessage[]): void {
  for (const schema of schemas) {
    // Only the compiling matters: an empty message may well break its rules.
    validator.validate(schema, create(schema));
  }
}
