/**
 * `update_mask` of Update requests (AIP-134): only the named fields of the resource count, so only they are held to their rules;
 * and each path must be a field, or a mistyped one would change nothing without a word.
 */
import { type DescField, type DescMessage, isMessage, type MessageShape } from '@bufbuild/protobuf';
import { type Path, reflect } from '@bufbuild/protobuf/reflect';
import { FieldMaskSchema } from '@bufbuild/protobuf/wkt';
import type { FieldViolation } from '../errors.ts';
import { nearest } from './nearest-name.ts';

type MessageField = DescField & { readonly fieldKind: 'message' };

export interface UpdateMask {
  /** The field of the request that holds the resource. */
  readonly resource: MessageField;
  readonly paths: readonly string[];
}

function isMessageField(field: DescField): field is MessageField {
  return field.fieldKind === 'message';
}

/** The mask of a request; undefined for a request that has none, and for an empty or unset one. */
export function updateMaskOf<Desc extends DescMessage>(
  schema: Desc,
  message: MessageShape<Desc>,
): UpdateMask | undefined {
  const fields = schema.fields.filter(isMessageField);
  const maskField = fields.find(({ message: { typeName } }) => typeName === FieldMaskSchema.typeName);
  const resource = fields.find((field) => field !== maskField);
  if (maskField === undefined || resource === undefined) return undefined;
  const mask: unknown = reflect(schema, message).get(maskField).message;
  return isMessage(mask, FieldMaskSchema) && mask.paths.length > 0 ? { resource, paths: mask.paths } : undefined;
}

/** What is wrong with the paths themselves. */
export function maskViolations({ resource, paths }: UpdateMask): FieldViolation[] {
  return paths.flatMap((path) => {
    const description = path === '*' ? undefined : pathProblem(resource.message, path);
    return description === undefined ? [] : [{ field: 'update_mask', description }];
  });
}

function pathProblem(resource: DescMessage, path: string): string | undefined {
  let inside: DescMessage | undefined = resource;
  for (const part of path.split('.')) {
    if (inside === undefined) return `"${path}" goes on behind a field that has no fields of its own`;
    const field: DescField | undefined = inside.fields.find(({ name }) => name === part);
    if (field === undefined) {
      const close = nearest(
        part,
        inside.fields.map(({ name }) => name),
      );
      return `"${path}": ${inside.name} has no field "${part}"${close === undefined ? '' : `; did you mean "${close}"?`}`;
    }
    inside = field.fieldKind === 'message' ? field.message : undefined;
  }
  return undefined;
}

/**
 * Whether a rule was broken by a part of the resource that the request does not change. Its name always counts. A rule of a
 * message around a named field does not: it can only be judged once the change is merged.
 */
export function isOutsideMask(mask: UpdateMask | undefined, broken: Path): boolean {
  if (mask === undefined || broken[0] !== mask.resource) return false;
  const names = broken.slice(1).flatMap((part) => (part.kind === 'field' || part.kind === 'oneof' ? [part.name] : []));
  if (names.length === 0 || names[0] === 'name') return false;
  return !mask.paths.some((path) => path === '*' || isPrefix(path.split('.'), names));
}

function isPrefix(short: readonly string[], long: readonly string[]): boolean {
  return short.every((part, i) => part === long[i]);
}
