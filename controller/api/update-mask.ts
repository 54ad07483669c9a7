/** Which fields an update is about. */
import type { FieldMask } from '@bufbuild/protobuf/wkt';
import { invalidField, invalidFields } from '../../shared/errors.ts';

/**
 * The paths of a mask, each one of `known`; undefined when there is no mask, or it is `*`.
 * @throws LocumError INVALID_FIELD that names what is not known and what is
 */
export function maskPaths(mask: FieldMask | undefined, known: readonly string[]): ReadonlySet<string> | undefined {
  if (mask === undefined || mask.paths.length === 0) return undefined;
  if (mask.paths.includes('*')) {
    if (mask.paths.length > 1) throw invalidField('update_mask', '"*" stands for everything and can have no company');
    return undefined;
  }
  const unknown = mask.paths.filter((path) => !known.includes(path));
  if (unknown.length > 0) {
    throw invalidFields(
      unknown.map((path) => ({
        field: 'update_mask',
        description: `"${path}" can't be updated; these can: ${known.join(', ')}`,
      })),
    );
  }
  return new Set(mask.paths);
}
