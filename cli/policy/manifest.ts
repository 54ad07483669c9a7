/** A policy as a file says it: what a person sets, and nothing that Locum adds. `locum policy apply` takes it back as it is. */
import { type DescMessage, type JsonObject, type JsonValue, toJson } from '@bufbuild/protobuf';
import { type Policy, PolicySchema } from '../../shared/gen/locum/v1/policy_pb.ts';
import { printableColours } from '../../shared/printable.ts';

/** Fields that Locum sets; their comments in the proto begin with "Output only". The etag is of one version. */
export const SET_BY_LOCUM = [
  'uid',
  'etag',
  'createTime',
  'updateTime',
  'paused',
  'deleting',
  'runs',
  'nextTickTime',
  'lastTickTime',
  'reconciling',
  'skippedTicks',
] as const satisfies readonly (keyof Policy)[];

/** With fields and words as files have them: `on_demand`, `PREFER`. */
export function manifestOf(policy: Policy): JsonObject {
  const json = withShortWords(PolicySchema, toJson(PolicySchema, policy, { useProtoFieldName: true }));
  for (const field of SET_BY_LOCUM) delete json[PolicySchema.field[field].name];
  return json;
}

/** Proto JSON with the words of enums as files have them. */
export function withShortWords(schema: DescMessage, value: JsonValue | undefined): JsonObject {
  const json: JsonObject = typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
  for (const { name, fieldKind, ...field } of schema.fields) {
    if (json[name] === undefined) continue;
    if (fieldKind === 'enum') {
      json[name] = field.enum?.values.find((one) => one.name === json[name])?.localName ?? json[name];
    } else if (fieldKind === 'message' && field.message?.typeName.startsWith('locum.') === true) {
      json[name] = withShortWords(field.message, json[name]);
    }
  }
  return json;
}

/**
 * One YAML document, with a script as a block of lines. What would act on a terminal is escaped when it is printed, so a text that has such
 * characters stands in double quotes, where the escape is read back as what it was.
 */
export async function manifestText(policy: Policy): Promise<string> {
  const { Document, visit } = await import('yaml');
  const document = new Document(manifestOf(policy), { compat: 'yaml-1.1' });
  visit(document, {
    Scalar: (_, scalar) => {
      const { value } = scalar;
      if (typeof value === 'string' && printableColours(value) !== value) scalar.type = 'QUOTE_DOUBLE';
    },
  });
  return document.toString({ lineWidth: 0 });
}
