import { LIMITS } from '../../../shared/limits.ts';
import type { Capability, CapabilitySource } from '../../../shared/protocol/capability.ts';
import { compareValues } from './version.ts';

/** What one server offers, by name: each value that it has, such as the versions of a runtime that are installed side by side. */
export type CapabilityMap = ReadonlyMap<string, readonly Capability[]>;

const SOURCE_ORDER: Readonly<Record<CapabilitySource, number>> = { FINGERPRINT: 0, PROBE: 1, CONFIG: 2 };

/** By name: what CONFIG says of a name replaces what PROBE says, and that what FINGERPRINT says. */
export function capabilityMap(capabilities: readonly Capability[]): CapabilityMap {
  const map = new Map<string, Capability[]>();
  for (const capability of capabilities) {
    const known = map.get(capability.name);
    const order = SOURCE_ORDER[capability.source] - SOURCE_ORDER[known?.[0]?.source ?? capability.source];
    if (known === undefined || order > 0) map.set(capability.name, [capability]);
    else if (order === 0 && !known.some(({ value }) => value === capability.value)) known.push(capability);
  }
  return map;
}

export type Comparison = '=' | '!=' | '>=' | '<=' | '>' | '<';

/** A predicate over the capabilities of one server. `text` is its canonical form: equal texts mean equal predicates. */
export type Requirement = { readonly name: string; readonly text: string } & (
  | { readonly kind: 'HAS' }
  | { readonly kind: 'LACKS' }
  | { readonly kind: 'COMPARE'; readonly operator: Comparison; readonly value: string }
  | { readonly kind: 'IN'; readonly values: readonly string[] }
);

/**
 * Whether a server with these capabilities meets the requirement: with one of its values, where it has several.
 *
 * Values are compared as versions where both are, else as text; a version and another text have no order, so
 * `cores >= 4` does not hold for `unknown` (see `compareValues`). An absent capability meets only `!name` and `name != value`, which is the
 * opposite of `name = value`: no value is that one.
 */
export function satisfies(requirement: Requirement, capabilities: CapabilityMap): boolean {
  const values = (capabilities.get(requirement.name) ?? []).map(({ value }) => value);
  switch (requirement.kind) {
    case 'HAS':
      return values.length > 0;
    case 'LACKS':
      return values.length === 0;
    case 'IN':
      return values.some((value) => requirement.values.some((one) => compareValues(value, one) === 0));
    case 'COMPARE': {
      const { operator } = requirement;
      const isMet = (value: string): boolean => holds(compareValues(value, requirement.value), operator);
      return operator === '!=' ? values.every(isMet) : values.some(isMet);
    }
  }
}

/** What a server has of that name: `has dotnet = 2.1, 3.1`, `has no gpu`. */
export function describeCapability(name: string, capabilities: CapabilityMap): string {
  const all = capabilities.get(name);
  if (all === undefined) return `has no ${name}`;
  const values = all.flatMap(({ value }) => (value === '' ? [] : [value]));
  return `has ${name}${values.length === 0 ? '' : ` = ${values.join(', ')}`}`;
}

function holds(order: number, operator: Comparison): boolean {
  switch (operator) {
    case '=':
      return order === 0;
    case '!=':
      return order !== 0;
    case '>=':
      return order >= 0;
    case '<=':
      return order <= 0;
    case '>':
      return order > 0;
    case '<':
      return order < 0;
  }
}

export type RequirementResult =
  | { readonly kind: 'ok'; readonly requirement: Requirement }
  | { readonly kind: 'error'; readonly detail: string };

/**
 * Reads a requirement: `name`, `!name`, `name = v` (or `==`), `!=`, `>=`, `<=`, `>`, `<`, `name in (a, b)`.
 * A value with spaces or one of `( ) , = < > ! "` in it stands in double quotes, inside which there is no `"`.
 * The error says at which character it went wrong, from 1, what was expected there and what was found. `about`: the names of labels may
 * have a `/` in them too. Default: of capabilities.
 */
export function parseRequirement(text: string, about: 'capability' | 'label' = 'capability'): RequirementResult {
  const reader = new Reader(text);
  const lacks = reader.take(/!(?!=)/y) !== undefined;
  const name = reader.take(about === 'label' ? /[a-z][a-z0-9._/-]*/y : /[a-z][a-z0-9._-]*/y);
  if (name === undefined) return reader.fault(`a ${about} name (a lower case letter first)`);
  if (name.length > MAX_NAME) return reader.fault(`a name of at most ${MAX_NAME} characters before this`);
  if (reader.atEnd) {
    return ok(lacks ? { kind: 'LACKS', name, text: `!${name}` } : { kind: 'HAS', name, text: name });
  }
  if (lacks) return reader.fault(`the end after \`!${name}\``);
  const operator = COMPARISONS.find((one) => reader.take(one.pattern) !== undefined)?.operator;
  if (operator !== undefined) return readComparison(reader, name, operator);
  if (reader.take(/in(?![a-z0-9._-])/y) !== undefined) return readSet(reader, name);
  return reader.fault('one of = != >= <= > <, `in (…)` or the end');
}

const MAX_NAME = 63;
const MAX_VALUE = LIMITS.capabilityBytes;

/** Longer operators first. */
const COMPARISONS: readonly { readonly pattern: RegExp; readonly operator: Comparison }[] = [
  { pattern: /==?/y, operator: '=' },
  { pattern: /!=/y, operator: '!=' },
  { pattern: />=/y, operator: '>=' },
  { pattern: /<=/y, operator: '<=' },
  { pattern: />/y, operator: '>' },
  { pattern: /</y, operator: '<' },
];

function readComparison(reader: Reader, name: string, operator: Comparison): RequirementResult {
  const value = reader.value();
  if (value === undefined) return reader.fault(`a value of at most ${MAX_VALUE} characters after \`${operator}\``);
  if (!reader.atEnd) return reader.fault('the end (a value with spaces stands in double quotes)');
  return ok({ kind: 'COMPARE', name, operator, value, text: `${name} ${operator} ${quoted(value)}` });
}

function readSet(reader: Reader, name: string): RequirementResult {
  if (reader.take(/\(/y) === undefined) return reader.fault('`(` after `in`');
  const found = new Set<string>();
  do {
    const value = reader.value();
    if (value === undefined) return reader.fault(`a value of at most ${MAX_VALUE} characters`);
    found.add(value);
  } while (reader.take(/,/y) !== undefined);
  if (reader.take(/\)/y) === undefined) return reader.fault('`,` or `)`');
  if (!reader.atEnd) return reader.fault('the end');
  const values = [...found].sort();
  return ok({ kind: 'IN', name, values, text: `${name} in (${values.map(quoted).join(', ')})` });
}

function ok(requirement: Requirement): RequirementResult {
  return { kind: 'ok', requirement };
}

function quoted(value: string): string {
  return /^[^\s(),=<>!"]+$/.test(value) ? value : `"${value}"`;
}

/** Takes a text apart from left to right; spaces between its parts do not count. */
class Reader {
  readonly #input: string;
  #at = 0;

  constructor(input: string) {
    this.#input = input;
    this.#skipSpaces();
  }

  get atEnd(): boolean {
    return this.#at === this.#input.length;
  }

  /** Takes what the pattern (sticky) matches here. */
  take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#input)?.[0];
    if (found === undefined) return undefined;
    this.#at += found.length;
    this.#skipSpaces();
    return found;
  }

  /** A bare or quoted value of at most 128 characters. */
  value(): string | undefined {
    const start = this.#at;
    const found = this.take(/"[^"]*"|[^\s(),=<>!"]+/y);
    const value = found?.startsWith('"') ? found.slice(1, -1) : found;
    if (value === undefined || value.length <= MAX_VALUE) return value;
    this.#at = start;
    return undefined;
  }

  fault(expected: string): RequirementResult {
    const found = this.atEnd ? 'the end' : JSON.stringify(this.#input.slice(this.#at, this.#at + 12));
    return { kind: 'error', detail: `at character ${this.#at + 1}: expected ${expected}, found ${found}` };
  }

  #skipSpaces(): void {
    while (/\s/.test(this.#input[this.#at] ?? '')) this.#at += 1;
  }
}
