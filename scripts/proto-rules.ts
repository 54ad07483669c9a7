/** The rules of a field (`buf.validate`) in a few words. */
import { createRegistry, type DescField, getOption, hasOption, type JsonValue, toJson } from '@bufbuild/protobuf';
import {
  FieldRulesSchema,
  field as fieldRules,
  file_buf_validate_validate,
} from '@bufbuild/protovalidate/gen/buf/validate/validate_pb.js';

const registry = createRegistry(file_buf_validate_validate);
/** Kinds of rules that say no more than the type of the field does. */
const SAYS_NOTHING = new Set(['definedOnly', 'ignore']);

/** `required`, `maxLen 128`, `pattern ^[a-z]+$`; empty where there is none. */
export function rulesOf(field: DescField): string {
  if (!hasOption(field, fieldRules)) return '';
  return said(toJson(FieldRulesSchema, getOption(field, fieldRules), { registry })).join(', ');
}

function said(rules: JsonValue): string[] {
  return Object.entries(Object(rules) as Record<string, JsonValue>).flatMap(([name, value]): string[] => {
    if (SAYS_NOTHING.has(name)) return [];
    // A rule in the language of expressions has a sentence of its own.
    if (name === 'cel' && Array.isArray(value)) return value.map((each) => String(Object(each)['message']));
    if (value === true) return [name];
    if (name === 'items' || name === 'keys' || name === 'values') return [`${name}: ${said(value).join(', ')}`];
    if (Array.isArray(value)) return [`${name} ${value.map((each) => `\`${JSON.stringify(each)}\``).join(', ')}`];
    if (typeof value === 'object' && value !== null) return said(value);
    return [`${name} \`${String(value)}\``];
  });
}
