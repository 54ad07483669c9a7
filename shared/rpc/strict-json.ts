/**
 * Reads files (YAML, and so JSON too) into messages, strictly: an unknown key, a key given twice and a value of the wrong kind
 * are errors that say where and what. `fromJson` alone names neither the path nor the line of a bad value, so the text is walked
 * beside the descriptor first. The rules of the protos are a step of their own: `validate`.
 */
import { type DescMessage, fromJson, type JsonValue, type MessageShape } from '@bufbuild/protobuf';
import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseAllDocuments,
} from 'yaml';
import { messageOf } from '../caught-error.ts';
import { type FieldViolation, invalidFields } from '../errors.ts';
import { type JsonPath, messageJson, type Problem } from './json-shape.ts';
import { boundViolations } from './validation.ts';

/** The reader works by recursion: a text of ten thousand brackets ends its stack. */
const TOO_DEEP = 'is nested too deeply';
/** A hundred references to one anchor are a bomb, not a configuration. */
const MAX_ALIASES = 100;

export interface ParseOptions {
  /** Name of the file, put in front of each problem. Default: none. */
  readonly source?: string;
}

/**
 * One message from a text with one document. An empty text is an empty message.
 * @throws LocumError INVALID_FIELD; each violation has the path of its field, and its line in the description.
 */
export function parseStrict<Desc extends DescMessage>(
  schema: Desc,
  text: string,
  options: ParseOptions = {},
): MessageShape<Desc> {
  const [message, ...more] = parseStrictAll(schema, text, options);
  if (more.length > 0) {
    throw invalidFields([
      { field: '', description: `${prefix(options)}has ${more.length + 1} documents, one is wanted` },
    ]);
  }
  return message ?? fromJson(schema, {});
}

/** One message from each document (separated by `---`) that is not empty. Errors as in `parseStrict`, of all documents at once. */
export function parseStrictAll<Desc extends DescMessage>(
  schema: Desc,
  text: string,
  options: ParseOptions = {},
): MessageShape<Desc>[] {
  return parseStrictDocuments(schema, text, options).map(({ message }) => message);
}

/** A message, and where in the text its fields are. */
export interface StrictDocument<Desc extends DescMessage> {
  readonly message: MessageShape<Desc>;
  /** `line 3, column 5` of a field as violations name it (`workload.env["X"]`, `servers[2]`), or of what is nearest above it. */
  readonly placeOf: (field: string) => string;
}

/** As `parseStrictAll`, for whoever finds something wrong later. */
export function parseStrictDocuments<Desc extends DescMessage>(
  schema: Desc,
  text: string,
  options: ParseOptions = {},
): StrictDocument<Desc>[] {
  const lines = new LineCounter();
  const documents = documentsOf(text, lines, options);
  const violations: FieldViolation[] = [];
  const found: { readonly json: JsonValue; readonly document: Document }[] = [];
  for (const document of documents) {
    const problems: Problem[] = [];
    const value = plainValue(document, problems);
    const json = value === undefined || problems.length > 0 ? undefined : messageJson(schema, value, [], problems);
    if (json !== undefined) found.push({ json, document });
    violations.push(...problems.map((problem) => violation(problem, document, lines, options)));
  }
  if (violations.length > 0) throw invalidFields(boundViolations(violations));
  return found.map(({ json, document }) => ({
    message: fromJson(schema, json),
    placeOf: (field) => placeText(offsetOf(document, pathOf(field)) ?? 0, lines),
  }));
}

function documentsOf(text: string, lines: LineCounter, options: ParseOptions): readonly Document[] {
  try {
    const documents = parseAllDocuments(text, { lineCounter: lines, uniqueKeys: true, prettyErrors: false });
    return Array.isArray(documents) ? documents : [];
  } catch (error) {
    if (error instanceof RangeError) throw invalidFields([{ field: '', description: `${prefix(options)}${TOO_DEEP}` }]);
    throw error;
  }
}

/** The plain value of a document, undefined for an empty one. Syntax errors become problems. */
function plainValue(document: Document, problems: Problem[]): unknown {
  // A tag that nobody knows is a warning of the reader: what it meant would be left out.
  for (const { code, message, pos } of [...document.errors, ...document.warnings]) {
    const description = code === 'RESOURCE_EXHAUSTION' ? TOO_DEEP : message;
    problems.push({ path: [], description, offset: pos[0] });
  }
  if (problems.length > 0 || document.contents === null) return undefined;
  try {
    const value: unknown = document.toJS({ maxAliasCount: MAX_ALIASES });
    return value === null ? undefined : value;
  } catch (error) {
    const description = error instanceof RangeError ? TOO_DEEP : messageOf(error);
    problems.push({ path: [], description });
    return undefined;
  }
}

function prefix({ source }: ParseOptions): string {
  return source === undefined ? '' : `${source}: `;
}

function violation(problem: Problem, document: Document, lines: LineCounter, options: ParseOptions): FieldViolation {
  const offset = problem.offset ?? offsetOf(document, problem.path);
  const where = offset === undefined ? '' : `${placeText(offset, lines)}: `;
  return { field: pathText(problem.path), description: `${prefix(options)}${where}${problem.description}` };
}

function placeText(offset: number, lines: LineCounter): string {
  const { line, col } = lines.linePos(offset);
  return `line ${line}, column ${col}`;
}

/** What `pathText` says, taken apart. */
function pathOf(field: string): JsonPath {
  const parts = field.matchAll(/\["((?:[^"\\]|\\.)*)"\]|\[(\d+)\]|([^.[\]]+)/g);
  return Array.from(parts, ([, key, index, name]) => (index === undefined ? (name ?? key ?? '') : Number(index)));
}

/** `workload.env["X"]`, `servers[2]`. */
function pathText(path: JsonPath): string {
  return path
    .map((part, i) => {
      if (typeof part === 'number') return `[${part}]`;
      if (!/^[A-Za-z_]\w*$/.test(part)) return `[${JSON.stringify(part)}]`;
      return i === 0 ? part : `.${part}`;
    })
    .join('');
}

/** Where in the text a path is: its key if it has one, so that a missing value is found too. */
function offsetOf(document: Document, path: JsonPath): number | undefined {
  let node: unknown = document.contents;
  let offset = start(node);
  for (const part of path) {
    if (isAlias(node)) node = node.resolve(document);
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => String(isScalar(key) ? key.value : key) === String(part));
      offset = start(pair?.key) ?? offset;
      node = pair?.value;
    } else if (isSeq(node)) {
      node = node.items[Number(part)];
      offset = start(node) ?? offset;
    }
  }
  return offset;
}

function start(node: unknown): number | undefined {
  return isNode(node) ? rangeStart(node) : undefined;
}

function rangeStart({ range }: Node): number | undefined {
  return range?.[0];
}
