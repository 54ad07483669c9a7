/**
 * What every message that comes in must keep, before anything else walks it: lists, maps and texts no longer than the rules of the
 * protos allow, times and spans that can be shown, numbers that are numbers, and no control characters where a program or a terminal
 * would meet them. The validator knows the first of these too, but looks at every element first; and a list of 1.4 million bad names
 * would take it half a minute.
 *
 * The plan of a message is made once, from its descriptor.
 */
import type { DescField, DescMessage, MessageShape } from '@bufbuild/protobuf';
import { getOption, ScalarType } from '@bufbuild/protobuf';
import { type FieldRules, field as fieldRules } from '@bufbuild/protovalidate/gen/buf/validate/validate_pb.js';
import type { FieldViolation } from '../errors.ts';
import { LIMITS, SPAN_LIMIT_MS, TIME_RANGE_MS } from '../limits.ts';
import { cut, unprintableProblem } from '../printable.ts';
import { type TextKind, textKindOf } from './text-kinds.ts';

type Place = (string | number)[];

/** Collects what is wrong, up to a bound past which nobody looks. */
interface Findings {
  readonly place: Place;
  readonly violations: FieldViolation[];
}

/** Looks at one value. */
type Look = (value: unknown, findings: Findings) => void;

const plans = new WeakMap<DescMessage, readonly FieldPlan[]>();

interface FieldPlan {
  readonly name: string;
  /** Where the value is: a property of the message, or of a oneof. */
  readonly property: string;
  readonly oneof: string | undefined;
  readonly look: Look;
}

/** What is wrong with a message; at most as many as an answer names. */
export function boundsViolations<Desc extends DescMessage>(
  schema: Desc,
  message: MessageShape<Desc>,
): readonly FieldViolation[] {
  const findings: Findings = { place: [], violations: [] };
  lookAtMessage(schema, message, findings);
  return findings.violations;
}

function lookAtMessage(schema: DescMessage, message: object, findings: Findings): void {
  for (const { name, property, oneof, look } of planOf(schema)) {
    const value =
      oneof === undefined ? Reflect.get(message, property) : memberOf(Reflect.get(message, oneof), property);
    if (value !== undefined) within(findings, name, () => look(value, findings));
    if (findings.violations.length >= LIMITS.violations) return;
  }
}

/** The value of a oneof, if this member of it is set. */
function memberOf(oneof: unknown, property: string): unknown {
  if (typeof oneof !== 'object' || oneof === null) return undefined;
  return Reflect.get(oneof, 'case') === property ? Reflect.get(oneof, 'value') : undefined;
}

function within({ place }: Findings, part: string | number, act: () => void): void {
  place.push(part);
  act();
  place.pop();
}

function complain({ place, violations }: Findings, description: string): void {
  violations.push({ field: pathOf(place), description });
}

/** `policy.workload.env["X"]`, `servers[2]`. */
function pathOf(place: Place): string {
  return place
    .map((part, i) => {
      if (typeof part === 'number') return `[${part}]`;
      if (part.startsWith('"')) return `[${part}]`;
      return i === 0 ? part : `.${part}`;
    })
    .join('');
}

function planOf(schema: DescMessage): readonly FieldPlan[] {
  const known = plans.get(schema);
  if (known !== undefined) return known;
  const made: FieldPlan[] = [];
  // Before it is complete, so that a message inside itself finds it.
  plans.set(schema, made);
  for (const field of schema.fields) {
    const look = lookOf(field);
    if (look === undefined) continue;
    made.push({ name: field.name, property: field.localName, oneof: field.oneof?.localName, look });
  }
  return made;
}

/** A rule that is not set reads as 0; none of ours is. */
const ruleOr = (rule: bigint | undefined, other: number): number => Number(rule ?? 0n) || other;

function lookOf(field: DescField): Look | undefined {
  const rules = getOption(field, fieldRules);
  switch (field.fieldKind) {
    case 'list': {
      const { maxItems, items } = rules.type.case === 'repeated' ? rules.type.value : {};
      return lookAtList(ruleOr(maxItems, LIMITS.otherItems), elementLook(field, items));
    }
    case 'map': {
      const { maxPairs, keys, values } = rules.type.case === 'map' ? rules.type.value : {};
      return lookAtMap(ruleOr(maxPairs, LIMITS.otherItems), textLook(keys, 'line'), elementLook(field, values));
    }
    case 'scalar':
    case 'message':
    case 'enum':
      return elementLook(field, rules);
  }
}

/** What one value, one element of a list or one value of a map is looked at for. */
function elementLook(field: DescField, rules: FieldRules | undefined): Look | undefined {
  if (field.message !== undefined) return messageLook(field.message);
  const { scalar } = field;
  if (scalar === ScalarType.STRING) return textLook(rules, textKindOf(field));
  if (scalar === ScalarType.DOUBLE || scalar === ScalarType.FLOAT) return lookAtFloat;
  return scalar === ScalarType.INT64 || scalar === ScalarType.UINT64 ? lookAtCounter : undefined;
}

function lookAtFloat(value: unknown, findings: Findings): void {
  if (!Number.isFinite(value)) complain(findings, 'must be a number');
}

function lookAtCounter(value: unknown, findings: Findings): void {
  if (typeof value === 'bigint' && !Number.isSafeInteger(Number(value))) complain(findings, 'must be below 2^53');
}

function messageLook(schema: DescMessage): Look {
  if (schema.typeName === 'google.protobuf.Timestamp') return lookAtTime;
  if (schema.typeName === 'google.protobuf.Duration') return lookAtSpan;
  if (schema.typeName === 'google.protobuf.FieldMask') return lookAtMask;
  return (value, findings) => {
    if (typeof value === 'object' && value !== null) lookAtMessage(schema, value, findings);
  };
}

function lookAtList(maxItems: number, element: Look | undefined): Look {
  return (list, findings) => {
    if (!Array.isArray(list)) return;
    if (list.length > maxItems) {
      complain(findings, `has ${list.length} items; at most ${maxItems} are allowed`);
      return;
    }
    if (element === undefined) return;
    for (const [i, value] of list.entries()) {
      within(findings, i, () => element(value, findings));
      if (findings.violations.length >= LIMITS.violations) return;
    }
  };
}

function lookAtMap(maxPairs: number, key: Look, element: Look | undefined): Look {
  return (map, findings) => {
    if (typeof map !== 'object' || map === null) return;
    const entries = Object.entries(map);
    if (entries.length > maxPairs) {
      complain(findings, `has ${entries.length} pairs; at most ${maxPairs} are allowed`);
      return;
    }
    for (const [name, value] of entries) {
      within(findings, JSON.stringify(cut(name, 64)), () => {
        key(name, findings);
        element?.(value, findings);
      });
      if (findings.violations.length >= LIMITS.violations) return;
    }
  };
}

function textLook(rules: FieldRules | undefined, kind: TextKind): Look {
  const text = rules?.type.case === 'string' ? rules.type.value : undefined;
  const maxBytes = ruleOr(text?.maxBytes, 0);
  const maxCharacters = ruleOr(text?.maxLen, LIMITS.otherTextCharacters);
  // A character takes two units at most, and no more units than bytes; the validator counts exactly.
  const [maxUnits, wanted] =
    maxBytes > 0 ? [maxBytes, `${maxBytes} bytes`] : [2 * maxCharacters, `${maxCharacters} characters`];
  return (value, findings) => {
    if (typeof value !== 'string') return;
    if (value.length > maxUnits) return complain(findings, `must be at most ${wanted}`);
    const unprintable = kind === 'line' ? unprintableProblem(value) : undefined;
    if (unprintable !== undefined) complain(findings, unprintable);
    else if (kind === 'program' && value.includes('\0'))
      complain(findings, 'must have no NUL character: no program can be given one');
  };
}

function secondsAndNanos(value: unknown): { readonly seconds: bigint; readonly nanos: number } | undefined {
  if (typeof value !== 'object' || value === null || !('seconds' in value) || !('nanos' in value)) return undefined;
  const { seconds, nanos } = value;
  return typeof seconds === 'bigint' && typeof nanos === 'number' ? { seconds, nanos } : undefined;
}

const NANOS = 1_000_000_000;
const MAX_SECONDS = BigInt(Math.floor(TIME_RANGE_MS.max / 1_000));
const MAX_SPAN_SECONDS = BigInt(SPAN_LIMIT_MS / 1_000);

function lookAtTime(value: unknown, findings: Findings): void {
  const time = secondsAndNanos(value);
  if (time === undefined) return;
  const { seconds, nanos } = time;
  if (seconds < 0n || seconds > MAX_SECONDS || nanos < 0 || nanos >= NANOS)
    complain(findings, 'must be a time between the years 1970 and 9999');
}

function lookAtSpan(value: unknown, findings: Findings): void {
  const span = secondsAndNanos(value);
  if (span === undefined) return;
  const { seconds, nanos } = span;
  const agree = seconds === 0n || nanos === 0 || seconds > 0n === nanos > 0;
  if (seconds < -MAX_SPAN_SECONDS || seconds > MAX_SPAN_SECONDS || Math.abs(nanos) >= NANOS || !agree)
    complain(findings, 'must be a time span of at most 10,000 years');
}

function lookAtMask(value: unknown, findings: Findings): void {
  if (typeof value !== 'object' || value === null || !('paths' in value) || !Array.isArray(value.paths)) return;
  const { paths } = value;
  if (paths.length > LIMITS.maskPaths) {
    complain(findings, `has ${paths.length} paths; at most ${LIMITS.maskPaths} are allowed`);
  } else if (paths.some((path: unknown) => typeof path === 'string' && path.length > LIMITS.expressionCharacters)) {
    complain(findings, `has a path of more than ${LIMITS.expressionCharacters} characters`);
  }
}
