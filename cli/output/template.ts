/** `--template`: a text with values of the answer in it, for scripts that want one line of their own. */
import { type DescField, type DescMessage, type JsonValue, type MessageShape, toJson } from '@bufbuild/protobuf';
import { nearest } from '../../shared/rpc/nearest-name.ts';
import { CommandFailure } from '../exit-codes.ts';

const PLACE = /\{\{\s*([^{}]*?)\s*\}\}/g;

/**
 * One line for each item of a list, or one for any other answer; none for what has nothing of all that is named, such as the bookmark
 * of a watch. Names are those of `-o json`; of an answer that is about one resource, the resource's own do as well.
 *
 * @throws CommandFailure when a name is none of the answer's
 */
export function filled<Desc extends DescMessage>(
  template: string,
  schema: Desc,
  message: MessageShape<Desc>,
): string[] {
  const json = toJson(schema, message, { alwaysEmitImplicit: true });
  const list = listOf(schema);
  const of = list?.message ?? schema;
  const items = list === undefined ? [json] : itemsOf(valueAt(json, [list.jsonName]));
  const paths = new Map([...template.matchAll(PLACE)].map(([, path = '']) => [path, pathIn(of, path)]));
  const text = template.replaceAll('\\n', '\n').replaceAll('\\t', '\t');
  return items.flatMap((item) => {
    const values = new Map([...paths].map(([path, names]) => [path, shown(valueAt(item, names))]));
    const isEmpty = list === undefined && values.size > 0 && [...values.values()].every((value) => value === '');
    return isEmpty ? [] : [text.replaceAll(PLACE, (_, path: string) => values.get(path) ?? '')];
  });
}

/** The only list of messages in the answer, beside what is about its pages. */
function listOf({ fields }: DescMessage): DescField | undefined {
  const lists = fields.filter(({ fieldKind, message }) => fieldKind === 'list' && message !== undefined);
  const others = fields.filter(({ fieldKind }) => fieldKind === 'message');
  return lists.length === 1 && others.length === 0 ? lists[0] : undefined;
}

/** What the answer is about: its only message. */
function subjectOf({ fields }: DescMessage): DescField | undefined {
  const messages = fields.filter(({ fieldKind }) => fieldKind === 'message');
  return messages.length === 1 ? messages[0] : undefined;
}

const itemsOf = (value: JsonValue | undefined): readonly JsonValue[] => (Array.isArray(value) ? value : []);

const nameNames = ({ fields }: DescMessage): readonly string[] => fields.map(({ jsonName }) => jsonName);

/** The first name has to be a field's. What is deeper may be there or not, as the keys of a map. */
function pathIn(of: DescMessage, path: string): readonly string[] {
  const names = path.split('.');
  const [first = ''] = names;
  const own = nameNames(of);
  if (own.includes(first)) return names;
  const subject = subjectOf(of);
  const inner = subject?.message === undefined ? [] : nameNames(subject.message);
  if (subject !== undefined && inner.includes(first)) return [subject.jsonName, ...names];
  const known = [...own, ...inner];
  const close = nearest(first, known);
  const hint = close === undefined ? `possible: ${known.join(', ')}` : `did you mean "${close}"?`;
  throw new CommandFailure(`"{{${path}}}" names nothing of ${of.name}; ${hint}`);
}

function valueAt(json: JsonValue, names: readonly string[]): JsonValue | undefined {
  let value: JsonValue | undefined = json;
  for (const name of names) {
    if (Array.isArray(value)) value = value[Number(name)];
    else if (typeof value === 'object' && value !== null) value = Object.hasOwn(value, name) ? value[name] : undefined;
    else return undefined;
  }
  return value;
}

function shown(value: JsonValue | undefined): string {
  if (value === undefined || value === null) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
